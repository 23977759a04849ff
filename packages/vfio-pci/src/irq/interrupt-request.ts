/**
 * SET_IRQS as it was asked for, with everything checked that needs no look at the device's state.
 *
 * Kernel: `vfio_set_irqs_validate_and_prepare`.
 */
import {
  type Eventfd,
  eventfdOf,
  type IoctlCall,
  IRQ_SET,
  IRQ_SET_ACTION,
  IRQ_SET_DATA,
  PCI_IRQ,
  type Process,
  requireBytes,
  VfioError,
} from '@vfiokit/vfio-core'
import { argumentIn } from '../ioctl-argument.ts'

const DATA_MASK = IRQ_SET_DATA.NONE | IRQ_SET_DATA.BOOL | IRQ_SET_DATA.EVENTFD
const ACTION_MASK = IRQ_SET_ACTION.MASK | IRQ_SET_ACTION.UNMASK | IRQ_SET_ACTION.TRIGGER
const COUNT_LIMIT = 0xffff_ffff

/** What is done with the interrupts of a request. */
export type InterruptAction = 'mask' | 'unmask' | 'trigger'

/** What follows the header: nothing, a choice for each interrupt, or a descriptor for each. */
export type InterruptData =
  | { readonly kind: 'none' }
  | { readonly kind: 'bool'; readonly values: readonly boolean[] }
  | { readonly kind: 'eventfd'; readonly fds: readonly number[] }

/** One request, valid in itself. */
export interface InterruptRequest {
  readonly process: Process
  readonly index: number
  readonly start: number
  readonly count: number
  /** Undefined: no action, or more than one; no interrupt knows that. */
  readonly action: InterruptAction | undefined
  readonly data: InterruptData
}

const ACTIONS: ReadonlyMap<number, InterruptAction> = new Map([
  [IRQ_SET_ACTION.MASK, 'mask'],
  [IRQ_SET_ACTION.UNMASK, 'unmask'],
  [IRQ_SET_ACTION.TRIGGER, 'trigger'],
])
/** Bytes of each element. */
const DATA_BYTES: ReadonlyMap<number, number> = new Map([
  [IRQ_SET_DATA.NONE, 0],
  [IRQ_SET_DATA.BOOL, 1],
  [IRQ_SET_DATA.EVENTFD, 4],
])

/**
 * @param countOf - How many interrupts an index has.
 * @throws VfioError EINVAL for what cannot be meant, EFAULT when the argument ends before its data.
 */
export function interruptRequest(
  { process, argument }: IoctlCall,
  countOf: (index: number) => number,
): InterruptRequest {
  const { argsz, flags, index, start, count } = argumentIn(IRQ_SET, argument)
  if (index >= PCI_IRQ.COUNT) throw new VfioError('EINVAL', 'bad-index', `no interrupt index ${index}`)
  if ((flags & ~(DATA_MASK | ACTION_MASK)) !== 0)
    throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
  const available = countOf(index)
  // Also when nothing is asked of it: an index without interrupts has no place to start.
  if (count >= COUNT_LIMIT - start || start >= available || start + count > available)
    throw new VfioError('EINVAL', 'bad-count', `${count} interrupts from ${start}; there are ${available}`)
  const width = DATA_BYTES.get(flags & DATA_MASK)
  if (width === undefined) throw new VfioError('EINVAL', 'bad-flags', 'exactly one kind of data is needed')
  if (argsz - IRQ_SET.sizeBytes < count * width)
    throw new VfioError('EINVAL', 'argsz-too-small', `${argsz} bytes for ${count} elements`)
  requireBytes(argument, IRQ_SET.sizeBytes + count * width)
  const data = dataIn(argument.subarray(IRQ_SET.sizeBytes), width, count)
  return { process, index, start, count, action: ACTIONS.get(flags & ACTION_MASK), data }
}

function dataIn(bytes: Uint8Array, width: number, count: number): InterruptData {
  if (width === 0) return { kind: 'none' }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const each = <T>(read: (at: number) => T): T[] => Array.from({ length: count }, (_, at) => read(at * width))
  return width === 1
    ? { kind: 'bool', values: each((at) => view.getUint8(at) !== 0) }
    : { kind: 'eventfd', fds: each((at) => view.getInt32(at, true)) }
}

/** The eventfd that a descriptor stands for; a negative one stands for none. @throws as eventfdOf */
export function triggerOf(process: Process, fd: number): Eventfd | undefined {
  return fd < 0 ? undefined : eventfdOf(process, fd)
}

/** Which interrupts of a request are meant: all, or those whose choice is true. */
export function isChosen(data: InterruptData, at: number): boolean {
  return data.kind === 'none' || (data.kind === 'bool' && data.values[at]!)
}
