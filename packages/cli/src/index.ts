/**
 * The vfiokit command as a function, for programs that want to call it.
 * @packageDocumentation
 */
export { main } from './main.ts'
export type { Output, Terminal } from './terminal.ts'
