import { defaultServerConditions } from 'vite'
import { defineConfig } from 'vitest/config'

/** Tests run against the sources: nothing has to be built first. */
export default defineConfig({
  ssr: { resolve: { conditions: ['@vfiokit/source', ...defaultServerConditions] } },
  test: {
    name: 'source',
    include: ['packages/**/src/**/*.test.ts', '.tools/**/*.test.ts', 'examples/**/*.test.ts'],
  },
})
