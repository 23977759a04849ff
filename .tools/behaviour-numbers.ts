/** Which behaviours of vfio-pci tests show by number: names that begin with T1, or T1 T2. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { filesBelow, root } from './packages.mjs'

/** Numbers that names of tests begin with: as string literals do. */
export function numbersIn(text: string): number[] {
  return [...text.matchAll(/['"`]((?:T\d+ )+)/g)].flatMap(([, names]) =>
    names!
      .trim()
      .split(' ')
      .map((name) => Number(name.slice(1))),
  )
}

/** The numbers that some test of the packages shows. */
export function numbersShown(): ReadonlySet<number> {
  const tests = filesBelow('packages').filter((file) => file.endsWith('.test.ts'))
  return new Set(tests.flatMap((file) => numbersIn(readFileSync(join(root, file), 'utf8'))))
}
