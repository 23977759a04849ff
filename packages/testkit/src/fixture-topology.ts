/**
 * The machine that a provider is tested in.
 *
 *   0000:00:01.0  root port
 *   0000:01:00.0    the card, alone in its slot
 *   0000:00:02.0  a stranger: no id of it is one of the card's
 */
import {
  type Bar,
  Bdf,
  CAPABILITY_ID,
  type ComposedCapability,
  ConfigComposer,
  type FunctionInput,
  type Topology,
  TopologyBuilder,
} from '@vfiokit/topology'
import type { FixtureBar, FixtureFunction, FixtureNeighbour } from './region-fixture.ts'

/** Where the card is. */
export const CARD: Bdf = Bdf.parse('0000:01:00.0')
/** Where the stranger is. */
export const STRANGER: Bdf = Bdf.parse('0000:00:02.0')

const ROOT_PORT = Bdf.parse('0000:00:01.0')
const GROUP = { ROOT_PORT: 1, CARD: 2, STRANGER: 3 } as const
const BUS_NUMBERS = { primary: 0, secondary: 1, subordinate: 1 }
const BRIDGE_CLASS = 0x060400
const ACCELERATOR_CLASS = 0x120000
/** All bits of an id turned over: a provider that knows the card by any of them says no. */
const OTHER = 0xffff
const CARD_VENDOR_LEFT_OUT = 0xfffe

const CAPABILITIES: readonly ComposedCapability[] = [
  { id: CAPABILITY_ID.powerManagement, fields: { version: 3, noSoftReset: true } },
  { id: CAPABILITY_ID.pciExpress, fields: { version: 2, type: 'endpoint', functionLevelReset: true } },
]
const ROOT_PORT_CAPABILITIES: readonly ComposedCapability[] = [
  { id: CAPABILITY_ID.pciExpress, fields: { version: 2, type: 'root-port' } },
]

/** Where the host puts the first BAR of each kind. */
const FIRST_ADDRESS = { io: 0x1000n, memory32: 0x8000_0000n, memory64: 0x40_0000_0000n } as const

/** @throws RangeError for a description that is no card: an id or BAR that does not fit. */
export function fixtureTopology(
  card: FixtureFunction,
  neighbours: readonly FixtureNeighbour[] = [],
): Topology {
  const bars = placeBars(card.bars ?? [])
  const builder = new TopologyBuilder()
  for (const neighbour of neighbours)
    builder.addFunction({ ...composed(Bdf.parse(neighbour.bdf), neighbour, []), iommuGroup: GROUP.ROOT_PORT })
  return builder
    .addFunction({
      ...composed(ROOT_PORT, { vendorId: 0x1b36, deviceId: 0x000c, classCode: BRIDGE_CLASS }, []),
      busNumbers: BUS_NUMBERS,
      driver: 'pcieport',
      iommuGroup: GROUP.ROOT_PORT,
    })
    .addFunction({
      ...composed(CARD, card, bars),
      bars,
      subsystem: card.subsystem,
      iommuGroup: GROUP.CARD,
    })
    .addFunction({
      ...composed(STRANGER, strangerOf(card), []),
      subsystem: { vendorId: OTHER ^ (card.subsystem?.vendorId ?? CARD_VENDOR_LEFT_OUT), deviceId: 1 },
      iommuGroup: GROUP.STRANGER,
    })
    .finish()
}

function strangerOf({ vendorId, deviceId, classCode = 0 }: FixtureFunction): FixtureFunction {
  return {
    vendorId: OTHER ^ vendorId,
    deviceId: OTHER ^ deviceId,
    classCode: classCode >>> 16 === 0x01 ? 0x020000 : 0x010802,
  }
}

function composed(bdf: Bdf, fn: FixtureFunction, bars: readonly Bar[]): FunctionInput {
  const { vendorId, deviceId, classCode = ACCELERATOR_CLASS, revision = 0, subsystem } = fn
  const isBridge = classCode === BRIDGE_CLASS
  const identity = { vendorId, deviceId, classCode, revision, subsystem }
  const composer = new ConfigComposer(4096, { ...identity, headerType: isBridge ? 1 : 0 })
  if (isBridge) composer.busNumbers(BUS_NUMBERS)
  for (const bar of bars) composer.bar(bar)
  for (const capability of fn.capabilities ?? (isBridge ? ROOT_PORT_CAPABILITIES : CAPABILITIES))
    composer.capability(capability)
  for (const [offset, bytes] of Object.entries(fn.config ?? {}))
    for (const [at, byte] of bytes.entries()) composer.write(Number(offset) + at, 1, byte)
  const config = composer.compose()
  return { bdf, vendorId, deviceId, classCode, revision, config, configSizeBytes: 4096 }
}

/** Each BAR behind the one before of its kind, aligned to its size as an enumeration does it. */
function placeBars(bars: readonly FixtureBar[]): Bar[] {
  const next: { -readonly [K in keyof typeof FIRST_ADDRESS]: bigint } = { ...FIRST_ADDRESS }
  return bars.map(({ index, sizeBytes, kind = 'memory', width = 32, prefetchable = false }) => {
    if (!Number.isSafeInteger(Math.log2(sizeBytes)))
      throw new RangeError(`BAR ${index}: sizeBytes is ${sizeBytes}, not a power of two`)
    const space = kind === 'io' ? 'io' : (`memory${width}` as const)
    const size = BigInt(sizeBytes)
    const address = ((next[space] + size - 1n) / size) * size
    next[space] = address + size
    if (width === 32 && next[space] > 2n ** 32n)
      throw new RangeError(`BAR ${index}: ${sizeBytes} bytes need a 64-bit BAR`)
    return Object.freeze({ index, kind, width, prefetchable, address, sizeBytes })
  })
}
