/**
 * definePlugin and the types a plugin author needs.
 * @packageDocumentation
 */
export {}
