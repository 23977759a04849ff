/**
 * Which tests can run against what was built: those that import their subject by its package's name.
 * A test that reaches a source by a relative path would test that source once more, so it is left out.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { importsOf, parse } from './imports.ts'
import { NOT_SHIPPED } from './layers.mjs'
import { filesBelow, root } from './packages.mjs'

const notShipped = new RegExp(NOT_SHIPPED)
const SCRIPT = /\.[cm]?[jt]s$/

export interface Files {
  read(file: string): string
  exists(file: string): boolean
}

const repository: Files = {
  read: (file) => readFileSync(join(root, file), 'utf8'),
  exists: (file) => existsSync(join(root, file)),
}

/** The sources that a test reaches by relative imports, through fixtures too. None: it tests what was built. */
export function sourcesReached(test: string, files: Files = repository): string[] {
  const seen = new Set([test])
  for (const file of seen) {
    if (!notShipped.test(file) || !SCRIPT.test(file) || !files.exists(file)) continue
    for (const { name, typeOnly } of importsOf(parse(file, files.read(file)))) {
      if (name.startsWith('.') && !typeOnly) seen.add(posix.join(posix.dirname(file), name))
    }
  }
  return [...seen].filter((file) => SCRIPT.test(file) && !notShipped.test(file))
}

/** Every test of the packages and examples, on one of the two sides. */
export function partTests(): { readonly built: string[]; readonly sourceOnly: string[] } {
  const all = ['packages', 'examples'].flatMap((top) => filesBelow(top))
  const tests = all.filter((file) => file.endsWith('.test.ts'))
  const sourceOnly = new Set(tests.filter((test) => sourcesReached(test).length > 0))
  return { built: tests.filter((test) => !sourceOnly.has(test)), sourceOnly: [...sourceOnly] }
}
