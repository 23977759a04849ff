/** The runners of benchmarks, examples and package checks notice what fails, and that there is nothing. */
import { afterEach, describe, expect, test } from 'vitest'
import { PlantedRepository } from './fixtures/planted-repository.ts'

let planted: PlantedRepository | undefined

function run(tool: string, files: Readonly<Record<string, string>>, ...args: string[]) {
  planted = new PlantedRepository(files)
  return planted.run(tool, args)
}

afterEach(() => planted?.remove())

const manifest = JSON.stringify({ name: 'a', version: '1.0.0', license: 'MIT', type: 'module' })

describe('bench', () => {
  test('runs every benchmark with the arguments, and fails when one does', () => {
    const files = {
      'packages/a/package.json': manifest,
      'packages/a/bench/fails.bench.ts': `throw new Error('too slow' as string)\n`,
      'packages/a/bench/works.bench.ts': `console.log('| got', process.argv.slice(2).join(), '|')\n`,
    }
    const { status, stdout, stderr } = run('bench', files, '--smoke')
    expect(status).toBe(1)
    expect(stdout).toContain('| got --smoke |')
    expect(stderr).toMatch(/\npackages\/a\/bench\/fails\.bench\.ts failed\n$/)
  })

  test('fails when there is none', () => {
    expect(run('bench', { 'packages/a/package.json': manifest })).toMatchObject({
      status: 1,
      stderr: 'There is no benchmark.\n',
    })
  })
})

describe('examples', () => {
  const example = (start: string) => JSON.stringify({ name: 'e', private: true, scripts: { start } })

  test('all run, the one that fails is named with what it printed', () => {
    const { status, stdout, stderr } = run('examples', {
      'examples/right/package.json': example('node -e 0'),
      'examples/wrong/package.json': example(`node -e 'console.log("what it printed"); process.exit(3)'`),
    })
    expect({ status, stdout }).toEqual({
      status: 1,
      stdout: 'ok     examples/right\nFAILED examples/wrong\n',
    })
    expect(stderr).toContain('what it printed')
  })

  test('one with nothing to run fails, and so does no example at all', () => {
    expect(run('examples', { 'examples/empty/README.md': 'Text.' })).toMatchObject({
      status: 1,
      stderr: 'examples/empty: nothing to build, test or run\n',
    })
    planted?.remove()
    expect(run('examples', { 'examples/README.md': 'Text.' })).toMatchObject({
      status: 1,
      stderr: 'There is no example.\n',
    })
  })
})

describe('check-packages', () => {
  const packageWith = (more: object) => JSON.stringify({ ...JSON.parse(manifest), ...more })

  test('refuses a missing file, a source in the archive and a manifest of the workspace', () => {
    const { status, stdout, stderr } = run('check-packages', {
      'packages/missing/package.json': packageWith({ exports: './dist/index.js', files: ['dist'] }),
      'packages/sources/package.json': packageWith({ exports: './index.js' }),
      'packages/sources/index.js': 'export {}\n',
      'packages/sources/src/index.ts': 'export {}\n',
      'packages/linked/package.json': packageWith({ dependencies: { b: 'file:../b' } }),
      'packages/private/package.json': packageWith({ private: true }),
    })
    expect(status).toBe(1)
    expect(stdout.trim().split('\n').sort()).toEqual(['FAILED a', 'FAILED a', 'FAILED a'])
    expect(stderr).toContain('dist/index.js')
    expect(stderr).toContain('the archive holds package/src/index.ts')
    expect(stderr).toContain('the packed manifest still says "b": "file:../b"')
  })
})
