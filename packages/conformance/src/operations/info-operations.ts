/** What a device, its regions, interrupts and features say of themselves. */
import {
  DEVICE_FLAGS,
  DEVICE_INFO,
  DEVICE_IOCTL,
  type InfoCapability,
  IRQ_FLAGS,
  IRQ_INFO,
  REGION_CAPS,
  REGION_FLAGS,
  REGION_INFO,
  REGION_TYPE,
  readChain,
  SPARSE_AREA,
  Struct,
} from '@vfiokit/vfio-core'
import { flagNames, hexOf, type OperationCall, type OperationHandler } from '../script/handler.ts'
import type { Answer } from '../script/outcome.ts'
import { numberOf, optionOf, type ScriptSession } from '../script/session.ts'

/** Operations by name. */
export const INFO_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  'device-info': deviceInfo,
  'region-info': regionInfo,
  'irq-info': irqInfo,
  feature,
  'ioctl-raw': ioctlRaw,
}

/** As long as the buffer of the recorder. */
const BUFFER_BYTES = 4096
const FEATURE = new Struct('vfio_device_feature', { argsz: 'u32', flags: 'u32' })
const FEATURE_REQUEST: number = DEVICE_IOCTL.DEVICE_FEATURE

async function deviceInfo({ session, positional: [name], options }: OperationCall): Promise<Answer> {
  const argsz = optionOf(options, 'argsz') ?? DEVICE_INFO.sizeBytes
  const bytes = DEVICE_INFO.encode({ argsz }, BUFFER_BYTES)
  await session.process.ioctl(session.handle(name!).fd, DEVICE_IOCTL.DEVICE_GET_INFO, bytes)
  const { flags, num_regions, num_irqs, argsz: needed } = DEVICE_INFO.decode(bytes)
  return { result: { argsz: needed, flags: flagNames(flags, DEVICE_FLAGS), num_regions, num_irqs } }
}

/** Without an argsz, asks a second time with the one that was answered, and only then shows capabilities. */
async function regionInfo({ session, positional, options }: OperationCall): Promise<Answer> {
  const [name, index] = positional
  const { fd } = session.handle(name!)
  const given = optionOf(options, 'argsz')
  let bytes = await askRegion(session, fd, numberOf(index!), given ?? REGION_INFO.sizeBytes)
  const needed = REGION_INFO.decode(bytes).argsz
  if (given === undefined && needed > REGION_INFO.sizeBytes)
    bytes = await askRegion(session, fd, numberOf(index!), needed)
  const { argsz, flags, size, offset, cap_offset } = REGION_INFO.decode(bytes)
  const caps =
    cap_offset === 0 || given !== undefined
      ? []
      : readChain(bytes.subarray(0, argsz), cap_offset).map(capabilityOf)
  return {
    result: {
      argsz,
      flags: flagNames(flags, REGION_FLAGS),
      size: Number(size),
      offset: `0x${offset.toString(16)}`,
      ...((flags & REGION_FLAGS.CAPS) === 0 ? {} : { cap_offset }),
      ...(caps.length === 0 ? {} : { caps }),
    },
  }
}

async function askRegion(
  session: ScriptSession,
  fd: number,
  index: number,
  argsz: number,
): Promise<Uint8Array> {
  const bytes = REGION_INFO.encode({ argsz, index }, BUFFER_BYTES)
  await session.process.ioctl(fd, DEVICE_IOCTL.DEVICE_GET_REGION_INFO, bytes)
  return bytes
}

/** What of a capability is shown, by its name. */
const CAPABILITY_BODIES: Readonly<Record<string, (body: Uint8Array) => Readonly<Record<string, unknown>>>> = {
  SPARSE_MMAP: (body) => ({
    areas: Array.from({ length: new DataView(body.buffer, body.byteOffset).getUint32(0, true) }, (_, at) => {
      const { offset, size } = SPARSE_AREA.decode(body, 8 + at * SPARSE_AREA.sizeBytes)
      return [`0x${offset.toString(16)}`, `0x${size.toString(16)}`]
    }),
  }),
  TYPE: (body) => {
    const { type, subtype } = REGION_TYPE.decode(body)
    return { type, subtype }
  },
}

function capabilityOf({ id, version, body }: InfoCapability): Readonly<Record<string, unknown>> {
  const name = Object.entries(REGION_CAPS).find(([, value]) => value === id)?.[0] ?? String(id)
  return { id, version, name, ...CAPABILITY_BODIES[name]?.(body) }
}

async function irqInfo({ session, positional: [name, index], options }: OperationCall): Promise<Answer> {
  const argsz = optionOf(options, 'argsz') ?? IRQ_INFO.sizeBytes
  const bytes = IRQ_INFO.encode({ argsz, index: numberOf(index!) }, BUFFER_BYTES)
  await session.process.ioctl(session.handle(name!).fd, DEVICE_IOCTL.DEVICE_GET_IRQ_INFO, bytes)
  const { flags, count } = IRQ_INFO.decode(bytes)
  return { result: { flags: flagNames(flags, IRQ_FLAGS), count } }
}

async function feature({ session, positional, options }: OperationCall): Promise<Answer> {
  const [name, flags, hex = ''] = positional
  const { fd } = session.handle(name!)
  const data = Buffer.from(hex, 'hex')
  const size = FEATURE.sizeBytes + data.length
  const argsz = optionOf(options, 'argsz') ?? size
  const bytes = FEATURE.encode({ argsz, flags: numberOf(flags!) }, BUFFER_BYTES)
  bytes.set(data, FEATURE.sizeBytes)
  const ret = await session.process.ioctl(fd, FEATURE_REQUEST, bytes)
  return { result: { ret, data: hexOf(bytes.subarray(FEATURE.sizeBytes, size)) } }
}

async function ioctlRaw({ session, positional: [name, request] }: OperationCall): Promise<Answer> {
  const { fd } = session.handle(name!)
  return {
    result: { ret: await session.process.ioctl(fd, numberOf(request!), new Uint8Array(BUFFER_BYTES)) },
  }
}
