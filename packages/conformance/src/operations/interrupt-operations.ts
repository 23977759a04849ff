/** SET_IRQS, eventfds and ioeventfds. */
import { DEVICE_IOCTL, Struct } from '@vfiokit/vfio-core'
import { NOTHING, type OperationCall, type OperationHandler } from '../script/handler.ts'
import { type Answer, Skipped } from '../script/outcome.ts'
import { placeInRegion, REGION_STRIDE, recordedOffset } from '../script/places.ts'
import { BAD_FD, numberOf, optionOf, type ScriptSession } from '../script/session.ts'
import { closeEventfd, makeEventfd, readEventfd, writeEventfd } from './event-port.ts'

/** Operations by name. */
export const INTERRUPT_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  'set-irqs': setIrqs,
  evt,
  'evt-write': async ({ session, positional, options }) => {
    await writeEventfd(session, eventfdOf(session, positional, options))
    return NOTHING
  },
  ioeventfd,
}

/** `VFIO_IRQ_SET_*`: kinds of data, then actions. */
const SET_FLAGS: Readonly<Record<string, number>> = {
  NONE: 0x01,
  BOOL: 0x02,
  EVENTFD: 0x04,
  MASK: 0x08,
  UNMASK: 0x10,
  TRIGGER: 0x20,
}
const IRQ_SET = new Struct('vfio_irq_set', {
  argsz: 'u32',
  flags: 'u32',
  index: 'u32',
  start: 'u32',
  count: 'u32',
})
/** Index of MSI-X. */
const MSIX = 2
/** Smallest buffer that is handed over, whatever argsz says. */
const BUFFER_BYTES = 4096
/** How long a script waits for an event that it gives no time for. */
const WAIT_MS = 1000

async function setIrqs({ session, positional, options }: OperationCall): Promise<Answer> {
  const [name, index, start, count, flagsWord, ...data] = positional
  const { fd, device } = session.handle(name!)
  const flags = setFlagsOf(flagsWord!)
  const made: number[] = []
  const keys = data.map((_, at) => eventKey(name!, numberOf(index!), numberOf(start!) + at, actionOf(flags)))
  const elements: number[] = []
  for (const [at, word] of data.entries())
    elements.push(await elementOf(session, word, keys[at]!, flags, made))
  const width = (flags & SET_FLAGS.EVENTFD!) !== 0 ? 4 : 1
  const argsz = optionOf(options, 'argsz') ?? IRQ_SET.sizeBytes + width * elements.length
  const bytes = IRQ_SET.encode(
    { argsz, flags, index: numberOf(index!), start: numberOf(start!), count: numberOf(count!) },
    BUFFER_BYTES,
  )
  const view = new DataView(bytes.buffer, bytes.byteOffset)
  for (const [at, element] of elements.entries()) {
    if (width === 4) view.setInt32(IRQ_SET.sizeBytes + 4 * at, element, true)
    else view.setUint8(IRQ_SET.sizeBytes + at, element)
  }
  await callOrClose(session, made, () => session.process.ioctl(fd, DEVICE_IOCTL.DEVICE_SET_IRQS, bytes))
  if (width === 4) keepEventfds(session, keys, elements)
  if (numberOf(index!) === MSIX && actionOf(flags) === 'TRIGGER')
    noteMessages(session, device, width === 4, numberOf(count!))
  return { result: { ret: 0 } }
}

/** MSI-X is turned on by the first eventfds, and off by a count of 0. */
function noteMessages(session: ScriptSession, device: string, hasEventfds: boolean, count: number): void {
  if (hasEventfds) session.withMessages.add(device)
  else if (count === 0) session.withMessages.delete(device)
}

/** Eventfds of a call that failed are nobody's. */
async function callOrClose(
  session: ScriptSession,
  made: readonly number[],
  call: () => number | Promise<number>,
): Promise<void> {
  try {
    await call()
  } catch (error) {
    for (const fd of made) await closeEventfd(session, fd)
    throw error
  }
}

function keepEventfds(session: ScriptSession, keys: readonly string[], fds: readonly number[]): void {
  for (const [at, key] of keys.entries()) if (fds[at]! >= 0) session.eventfds.set(key, fds[at]!)
}

/** One element of the data: an eventfd by name, or a number. */
async function elementOf(
  session: ScriptSession,
  word: string,
  key: string,
  flags: number,
  made: number[],
): Promise<number> {
  if ((flags & SET_FLAGS.EVENTFD!) === 0) return numberOf(word)
  return descriptorOf(session, word, key, made)
}

async function descriptorOf(
  session: ScriptSession,
  word: string,
  key: string,
  made: number[],
): Promise<number> {
  if (word === 'bad') return BAD_FD
  if (word === 'notevt') return session.containerFd
  const kept = word === 'keep' ? session.eventfds.get(key) : undefined
  if (kept !== undefined) return kept
  if (word !== 'new' && word !== 'keep') return numberOf(word)
  const fd = await makeEventfd(session)
  made.push(fd)
  return fd
}

function setFlagsOf(word: string): number {
  if (/^[0-9-]/.test(word)) return numberOf(word)
  return word.split('|').reduce((flags, name) => flags | (SET_FLAGS[name] ?? 0), 0)
}

function actionOf(flags: number): string {
  return ['MASK', 'UNMASK'].find((name) => (flags & SET_FLAGS[name]!) !== 0) ?? 'TRIGGER'
}

function eventKey(handle: string, index: number, vector: number, kind: string): string {
  return `${handle} ${index} ${vector} ${kind}`
}

/** @throws Skipped when no eventfd was ever set there. */
function eventfdOf(
  session: ScriptSession,
  [name, index, vector]: readonly string[],
  options: ReadonlyMap<string, string>,
): number {
  const kind = options.get('kind') ?? 'TRIGGER'
  const fd = session.eventfds.get(eventKey(name!, numberOf(index!), numberOf(vector!), kind))
  if (fd === undefined) throw new Skipped('no-eventfd')
  return fd
}

/** As poll and read: looks, and while there is nothing lets time pass. */
async function evt({ session, positional, options }: OperationCall): Promise<Answer> {
  const fd = eventfdOf(session, positional, options)
  const wait = optionOf(options, 'ms') ?? WAIT_MS
  for (let passed = 0; ; passed += 1) {
    const count = await readEventfd(session, fd)
    if (count !== undefined) return { result: { count } }
    if (passed >= wait || session.host.advance === undefined) return { errno: 'EAGAIN' }
    await session.host.advance(1)
  }
}

const IOEVENTFD = new Struct('vfio_device_ioeventfd', {
  argsz: 'u32',
  flags: 'u32',
  offset: 'u64',
  data: 'u64',
  fd: 's32',
  reserved: 'u32',
})

async function ioeventfd({ session, draft, positional, options }: OperationCall): Promise<Answer> {
  const [name, index, offset, width, value] = positional
  const handle = session.handle(name!)
  const region = numberOf(index!)
  const off = await placeInRegion(session, handle, region, offset!)
  draft.off = recordedOffset(off)
  const made: number[] = []
  const fd = await descriptorOf(session, options.get('fd') ?? 'new', `${name} ioeventfd`, made)
  const bytes = IOEVENTFD.encode(
    {
      argsz: optionOf(options, 'argsz') ?? IOEVENTFD.sizeBytes,
      flags: optionOf(options, 'flags') ?? numberOf(width!),
      offset: BigInt(region) * BigInt(REGION_STRIDE) + BigInt(off),
      data: BigInt(value!),
      fd,
    },
    BUFFER_BYTES,
  )
  await callOrClose(session, made, () =>
    session.process.ioctl(handle.fd, DEVICE_IOCTL.DEVICE_IOEVENTFD, bytes),
  )
  if (fd >= 0) session.eventfds.set(`${name} ioeventfd`, fd)
  return NOTHING
}
