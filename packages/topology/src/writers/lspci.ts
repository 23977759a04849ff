/**
 * The text that lspci prints, alone: for programs that start often and need no reader.
 * @packageDocumentation
 */
export { type FunctionNames, type LspciListOptions, writeLspciList } from './lspci-list.ts'
export { type LspciTreeOptions, writeLspciTree } from './lspci-tree.ts'
