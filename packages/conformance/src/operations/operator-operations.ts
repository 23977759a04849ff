/** What an administrator does through sysfs, and time. */
import { type HostOperator, VfioError } from '@vfiokit/vfio-core'
import { hexOf, NOTHING, type OperationCall, type OperationHandler } from '../script/handler.ts'
import { type Answer, NotCarried } from '../script/outcome.ts'
import { type ConfigReader, placeIn, vfioConfig } from '../script/places.ts'
import { numberOf, type ScriptSession } from '../script/session.ts'

/** Operations by name. */
export const OPERATOR_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  sysfs: readAttribute,
  'sysfs-write': writeAttribute,
  'host-cfg': readConfig,
  'host-cfg-write': async ({ session, draft, positional: [device, offset, hex] }) => {
    const off = await configPlace(session, device!, offset!)
    draft.off = off
    const data = Uint8Array.from(Buffer.from(hex!, 'hex'))
    await session.operator.writeConfig(device!, off, data)
    return { result: { ret: data.length } }
  },
  sleep: async ({ session, positional: [milliseconds] }) => {
    if (session.host.advance === undefined) throw new NotCarried('no simulated time')
    await session.host.advance(numberOf(milliseconds!))
    return NOTHING
  },
}

async function readAttribute({ session, draft, positional }: OperationCall): Promise<Answer> {
  const [device, name] = positional
  draft.origin = {
    device: device!,
    space: 'attribute',
    attribute: name!,
    isOpen: session.isOpen(device!),
  }
  const link = await linkOf(session.operator, device!, name!)
  if (link !== undefined) return { result: { link } }
  return { result: { text: await session.operator.readAttribute(device!, name!) } }
}

/** What a link says; undefined: it is no link (EINVAL). */
async function linkOf(operator: HostOperator, device: string, name: string): Promise<string | undefined> {
  try {
    return await operator.readLink(device, name)
  } catch (error) {
    if (VfioError.is(error, 'EINVAL')) return undefined
    throw error
  }
}

async function writeAttribute({
  session,
  positional: [device, name, ...words],
}: OperationCall): Promise<Answer> {
  const value = words.join(' ')
  await session.operator.writeAttribute(device!, name!, value)
  return NOTHING
}

async function readConfig({ session, draft, positional }: OperationCall): Promise<Answer> {
  const [device, offset, length] = positional
  const off = await configPlace(session, device!, offset!)
  const len = await configPlace(session, device!, length!)
  draft.off = off
  draft.origin = {
    device: device!,
    space: 'physical-config',
    offset: off,
    isOpen: session.isOpen(device!),
  }
  const bytes = await session.operator.readConfig(device!, off, len)
  return { result: { ret: bytes.length, data: hexOf(bytes) } }
}

/** Capabilities are looked up through vfio: of a device that is not open none is found. */
function configPlace(session: ScriptSession, device: string, word: string): Promise<number> {
  const handle = session.handles.get(device)
  return placeIn(word, handle === undefined ? NOT_OPEN : vfioConfig(session, handle))
}

const NOT_OPEN: ConfigReader = async () => undefined
