/** Classes of ours are told by a name that they carry: of what another copy of this package makes it is true, too. */

/** Whether something says of itself that it is of a kind. */
export function isOfKind(value: unknown, kind: string): boolean {
  return typeof value === 'object' && value !== null && (value as { readonly kind?: unknown }).kind === kind
}
