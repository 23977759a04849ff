/** The command line from the sources: what the wrapper adds to packages/cli is the build, the folder, and nothing else. */
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './packages.mjs'

const BIN = `#!/usr/bin/env node
console.log(JSON.stringify({ cwd: process.cwd(), argv: process.argv.slice(2) }))
process.exitCode = Number(process.argv[2] ?? 0)
`
const manifest = {
  name: 'vfiokit',
  type: 'module',
  exports: { '.': { '@vfiokit/source': './src/index.ts' } },
  bin: { vfiokit: './dist/bin.js' },
}

let folder: string

/** A repository with one package, the command line, and the tools of this one. */
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vfiokit-wrapper-'))
  mkdirSync(join(folder, 'packages/cli/src'), { recursive: true })
  mkdirSync(join(folder, '.tools'))
  for (const file of ['build.mjs', 'packages.mjs', 'vfiokit.mjs']) {
    cpSync(join(root, '.tools', file), join(folder, '.tools', file))
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  for (const file of ['pnpm-lock.yaml', 'tsconfig.base.json']) cpSync(join(root, file), join(folder, file))
  writeFileSync(join(folder, 'packages/cli/package.json'), JSON.stringify(manifest))
  writeFileSync(join(folder, 'packages/cli/src/index.ts'), 'export const one = 1\n')
  writeFileSync(join(folder, 'packages/cli/src/bin.ts'), BIN)
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

function vfiokit(...args: string[]) {
  const { INIT_CWD: _unset, ...env } = process.env
  return spawnSync(process.execPath, [join(folder, '.tools/vfiokit.mjs'), ...args], {
    cwd: folder,
    encoding: 'utf8',
    env: { ...env, INIT_CWD: join(folder, 'packages') },
  })
}
const stamp = () => readFileSync(join(folder, '.cache/javascript.stamp'), 'utf8')

test('arguments, the folder of the caller and the exit code are passed on; the build is silent', () => {
  const { status, stdout, stderr } = vfiokit('3', '--json', 'a b')
  expect({ status, stderr }).toEqual({ status: 3, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({ cwd: join(folder, 'packages'), argv: ['3', '--json', 'a b'] })
})

test('nothing is built when nothing changed, and it is when a source did', () => {
  expect(vfiokit().status).toBe(0)
  const first = stamp()
  expect(vfiokit().status).toBe(0)
  expect(stamp()).toBe(first)
  writeFileSync(join(folder, 'packages/cli/src/bin.ts'), BIN.replace('?? 0', '?? 5'))
  expect(vfiokit().status).toBe(5)
  expect(stamp()).not.toBe(first)
})

test('a test that changed does not build', () => {
  vfiokit()
  const before = stamp()
  writeFileSync(join(folder, 'packages/cli/src/bin.test.ts'), 'export {}\n')
  vfiokit()
  expect(stamp()).toBe(before)
})

test('a source that does not build is shown on stderr, and nothing runs', () => {
  writeFileSync(join(folder, 'packages/cli/src/bin.ts'), 'const a: = 1\n')
  const { status, stdout, stderr } = vfiokit()
  expect({ status, stdout }).toEqual({ status: 70, stdout: '' })
  expect(stderr).toContain('vfiokit: the build failed')
  expect(stderr).toContain('packages/cli/src/bin.ts:1:9')
})
