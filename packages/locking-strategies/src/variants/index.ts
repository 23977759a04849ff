/**
 * Strategies with one known bug each, that a kernel had or a patch on the list: for whoever checks
 * strategies. A host takes them by name only, and lists none.
 * @packageDocumentation
 */
export { rfc2021KeyedByFrame } from './rfc-2021-variants.ts'
export { VARIANTS, type Variant, type VariantDefect } from './variants.ts'
