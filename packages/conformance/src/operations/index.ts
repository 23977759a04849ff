/** What carries out each operation of the script language. */
import type { OperationHandler } from '../script/handler.ts'
import { CONTAINER_OPERATIONS } from './container-operations.ts'
import { DMA_OPERATIONS } from './dma-operations.ts'
import { INFO_OPERATIONS } from './info-operations.ts'
import { INTERRUPT_OPERATIONS } from './interrupt-operations.ts'
import { MAPPING_OPERATIONS } from './mapping-operations.ts'
import { OPERATOR_OPERATIONS } from './operator-operations.ts'
import { RESET_OPERATIONS } from './reset-operations.ts'
import { TRANSFER_OPERATIONS } from './transfer-operations.ts'

/** Handlers by the name of the operation. */
export const HANDLERS: Readonly<Record<string, OperationHandler>> = {
  ...CONTAINER_OPERATIONS,
  ...INFO_OPERATIONS,
  ...TRANSFER_OPERATIONS,
  ...MAPPING_OPERATIONS,
  ...RESET_OPERATIONS,
  ...INTERRUPT_OPERATIONS,
  ...DMA_OPERATIONS,
  ...OPERATOR_OPERATIONS,
}
