/** The version of this package, as its package.json says. */
import { readFileSync } from 'node:fs'

/** Sources and what is built from them lie one folder below package.json alike. */
export function ownVersion(): string {
  const manifest = readFileSync(new URL('../package.json', import.meta.url), 'utf8')
  return (JSON.parse(manifest) as { readonly version: string }).version
}
