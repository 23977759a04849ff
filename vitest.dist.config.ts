import { defineConfig } from 'vitest/config'

/** The same tests against what was built: no source condition. */
export default defineConfig({
  test: {
    name: 'dist',
    include: ['packages/**/src/**/*.test.ts', 'examples/**/*.test.ts'],
  },
})
