#!/usr/bin/env node
import { main } from './main.ts'

// Whoever reads the output may stop when it has seen enough: `vfiokit run ... | head`.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

process.exitCode = await main(process.argv.slice(2), {
  out: process.stdout,
  err: process.stderr,
  env: process.env,
})
