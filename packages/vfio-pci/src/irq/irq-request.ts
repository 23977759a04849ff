/** What SET_IRQS asks for, checked as the kernel checks it: `vfio_set_irqs_validate_and_prepare`. */
import { IRQ_SET, IRQ_SET_FLAGS, PCI_IRQ, type Process, VfioError } from '@vfiokit/vfio-core'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'

/** What comes with the vectors. */
export type IrqData =
  | { readonly kind: 'none' }
  /** One per vector: whether it is meant. */
  | { readonly kind: 'bool'; readonly values: readonly boolean[] }
  /** One descriptor per vector; negative: none. */
  | { readonly kind: 'eventfd'; readonly fds: readonly number[] }

/** What is to be done. Undefined: the flags name no action, or several. */
export type IrqAction = 'mask' | 'unmask' | 'trigger' | undefined

/** A checked request. */
export interface IrqRequest {
  readonly process: Process
  readonly index: number
  readonly start: number
  readonly count: number
  readonly action: IrqAction
  readonly data: IrqData
}

const U32_MAX = 0xffff_ffff
const DATA = IRQ_SET_FLAGS.DATA_NONE | IRQ_SET_FLAGS.DATA_BOOL | IRQ_SET_FLAGS.DATA_EVENTFD
const ACTION = IRQ_SET_FLAGS.ACTION_MASK | IRQ_SET_FLAGS.ACTION_UNMASK | IRQ_SET_FLAGS.ACTION_TRIGGER
/** Bytes of data per vector, by the kind of data. */
const DATA_BYTES: ReadonlyMap<number, number> = new Map([
  [IRQ_SET_FLAGS.DATA_NONE, 0],
  [IRQ_SET_FLAGS.DATA_BOOL, 1],
  [IRQ_SET_FLAGS.DATA_EVENTFD, 4],
])
const ACTIONS: ReadonlyMap<number, IrqAction> = new Map([
  [IRQ_SET_FLAGS.ACTION_MASK, 'mask'],
  [IRQ_SET_FLAGS.ACTION_UNMASK, 'unmask'],
  [IRQ_SET_FLAGS.ACTION_TRIGGER, 'trigger'],
])

/**
 * @param countOf - How many interrupts an index has.
 * @throws VfioError EINVAL for a header that cannot be, EFAULT when the data is not there.
 */
export function irqRequest(
  process: Process,
  argument: Uint8Array,
  countOf: (index: number) => number,
): IrqRequest {
  const { argsz, flags, index, start, count } = argumentIn(IRQ_SET, argument)
  if (index >= PCI_IRQ.COUNT) throw new VfioError('EINVAL', 'bad-index', `no interrupt has index ${index}`)
  if (count >= U32_MAX - start || start >= countOf(index) || start + count > countOf(index))
    throw new VfioError('EINVAL', 'bad-count', `vectors ${start} + ${count} of ${countOf(index)}`)
  const perVector = DATA_BYTES.get(flags & DATA)
  if ((flags & ~(DATA | ACTION)) !== 0 || perVector === undefined)
    throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)} of set-irqs`)
  if (argsz - IRQ_SET.sizeBytes < count * perVector)
    throw new VfioError(
      'EINVAL',
      'argsz-too-small',
      `${count} vectors have ${count * perVector} bytes of data`,
    )
  requireBytes(argument, IRQ_SET.sizeBytes + count * perVector)
  const data = dataIn(
    argument.subarray(IRQ_SET.sizeBytes, IRQ_SET.sizeBytes + count * perVector),
    flags & DATA,
  )
  return { process, index, start, count, action: ACTIONS.get(flags & ACTION), data }
}

function dataIn(bytes: Uint8Array, kind: number): IrqData {
  if (kind === IRQ_SET_FLAGS.DATA_NONE) return { kind: 'none' }
  if (kind === IRQ_SET_FLAGS.DATA_BOOL)
    return { kind: 'bool', values: Array.from(bytes, (byte) => byte !== 0) }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    kind: 'eventfd',
    fds: Array.from({ length: bytes.length / 4 }, (_, at) => view.getInt32(4 * at, true)),
  }
}
