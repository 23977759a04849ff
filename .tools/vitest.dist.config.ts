import { defineConfig } from 'vitest/config'
import { shared } from '../vitest.config.ts'
import { partTests } from './dist-tests.ts'

const { built, sourceOnly } = partTests()
const says = {
  onInit(): void {
    const left = `${sourceOnly.length} import internals by path and are left out`
    console.log([`${built.length} test files run on what was built, ${left}:`, ...sourceOnly].join('\n  '))
  },
}

/** The same tests against what was built: no source condition. Tests of internals cannot take part. */
export default defineConfig({
  test: { ...shared, name: 'dist', include: built, reporters: [...shared.reporters, says] },
})
