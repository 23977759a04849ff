import { fileURLToPath } from 'node:url'
import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

/** A file for the machine-readable result, when somebody adds up several runs. */
const report = process.env.VFIOKIT_TEST_REPORT

export const shared = {
  maxWorkers: 2,
  setupFiles: [fileURLToPath(new URL('.tools/seed.ts', import.meta.url))],
  // Some tests start processes; a busy machine is not a failure.
  testTimeout: 60_000,
  hookTimeout: 60_000,
  reporters: report === undefined ? ['default'] : ['default', 'json'],
  ...(report === undefined ? {} : { outputFile: { json: report } }),
}

/** Tests run against the sources: nothing has to be built first. */
export default defineConfig({
  ssr: { resolve: { conditions: ['@vfiokit/source', ...defaultServerConditions] } },
  test: {
    ...shared,
    name: 'source',
    include: ['packages/**/src/**/*.test.ts', '.tools/**/*.test.ts', 'examples/**/*.test.ts'],
    // Templates are packages of others: they are tested where they were written to.
    exclude: ['**/node_modules/**', 'packages/cli/data/**'],
  },
})
