import { expect, test } from 'vitest'
import { partTests, sourcesReached } from './dist-tests.ts'

const files: Readonly<Record<string, string>> = {
  'packages/a/src/by-name.test.ts': `import { a } from '@vfiokit/a'\nimport { test } from 'vitest'`,
  'packages/a/src/relative.test.ts': `import { a } from './a.ts'`,
  'packages/a/src/type-only.test.ts': `import type { A } from './a.ts'`,
  'packages/a/src/dynamic.test.ts': `const { a } = await import('../src/a.ts')`,
  'packages/a/src/fixture.test.ts': `import { machine } from './fixtures/machine.ts'\nimport data from './a.json'`,
  'packages/a/src/tainted.test.ts': `import { machine } from './fixtures/tainted.ts'`,
  'packages/a/src/fixtures/machine.ts': `import { a } from '@vfiokit/a'\nexport * from './tests.test.ts'`,
  'packages/a/src/fixtures/tests.test.ts': ``,
  'packages/a/src/fixtures/tainted.ts': `import { a } from '../a.ts'`,
  'packages/a/src/a.ts': `import './deeper.ts'`,
  'packages/a/src/a.json': `{}`,
}
const reached = (test: string) => {
  return sourcesReached(`packages/a/src/${test}.test.ts`, {
    read: (file) => files[file]!,
    exists: (file) => file in files,
  })
}

test('a test that imports its subject by name runs on what was built', () => {
  expect(reached('by-name')).toEqual([])
  expect(reached('fixture')).toEqual([])
  expect(reached('type-only')).toEqual([])
})

test.each(['relative', 'dynamic', 'tainted'])('a %s import of a source is found', (name) => {
  expect(reached(name)).toEqual(['packages/a/src/a.ts'])
})

test('every test of the repository is on one of the two sides', () => {
  const { built, sourceOnly } = partTests()
  expect(built.filter((file) => sourceOnly.includes(file))).toEqual([])
  expect([...built, ...sourceOnly].every((file) => file.endsWith('.test.ts'))).toBe(true)
})
