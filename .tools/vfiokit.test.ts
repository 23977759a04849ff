/** The command line from the sources: what the wrapper adds to packages/cli is the build, the folder, and nothing else. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { PlantedRepository } from './fixtures/planted-repository.ts'

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
const repository = new PlantedRepository({
  'packages/cli/package.json': JSON.stringify(manifest),
  'packages/cli/src/index.ts': 'export const one = 1\n',
  'packages/cli/src/bin.ts': BIN,
})

afterAll(() => repository.remove())

const vfiokit = (...args: string[]) => repository.run('vfiokit', args, 'packages')
const stamp = () => readFileSync(join(repository.folder, '.cache/javascript.stamp'), 'utf8')

test('arguments, the folder of the caller and the exit code are passed on; the build is silent', () => {
  const { status, stdout, stderr } = vfiokit('3', '--json', 'a b')
  expect({ status, stderr }).toEqual({ status: 3, stderr: '' })
  expect(JSON.parse(stdout)).toEqual({
    cwd: join(repository.folder, 'packages'),
    argv: ['3', '--json', 'a b'],
  })
})

test('nothing is built when nothing changed, and it is when a source did', () => {
  expect(vfiokit().status).toBe(0)
  const first = stamp()
  expect(vfiokit().status).toBe(0)
  expect(stamp()).toBe(first)
  repository.write('packages/cli/src/bin.ts', BIN.replace('?? 0', '?? 5'))
  expect(vfiokit().status).toBe(5)
  expect(stamp()).not.toBe(first)
})

test('a test that changed does not build', () => {
  vfiokit()
  const before = stamp()
  repository.write('packages/cli/src/bin.test.ts', 'export {}\n')
  vfiokit()
  expect(stamp()).toBe(before)
})

test('a source that does not build is shown on stderr, and nothing runs', () => {
  repository.write('packages/cli/src/bin.ts', 'const a: = 1\n')
  const { status, stdout, stderr } = vfiokit()
  expect({ status, stdout }).toEqual({ status: 70, stdout: '' })
  expect(stderr).toContain('vfiokit: the build failed')
  expect(stderr).toContain('packages/cli/src/bin.ts:1:9')
})
