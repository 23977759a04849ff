/** Models of the devices of a recording: their profiles, with what earlier scripts left in them. */
import type { MachineDescription, Seeds } from '@vfiokit/conformance'
import { type DeviceModelFactory, deviceModels } from '@vfiokit/host'
import type { BarIndex } from '@vfiokit/topology'

type DeviceModel = NonNullable<ReturnType<DeviceModelFactory>>
type Profiles = MachineDescription['profiles']

/** Profiles are read once for all scripts. */
const unseeded = new WeakMap<Profiles, readonly DeviceModelFactory[]>()

const VGA_REGION = 8
const BYTES = 'bytes:'

/** @throws ConfigError for a profile that is damaged. */
export function seededModels(profiles: Profiles, seeds: Seeds | undefined): readonly DeviceModelFactory[] {
  const factories = unseeded.get(profiles) ?? deviceModels(profiles)
  unseeded.set(profiles, factories)
  if (seeds === undefined) return factories
  return factories.map((factory) => (board) => {
    const model = factory(board)
    if (model !== undefined)
      for (const [place, value] of Object.entries(seeds[board.identity.bdf] ?? {})) seed(model, place, value)
    return model
  })
}

/** `BAR:offset` and what it holds. What is not known, or lies inside a model, stays as it is. */
function seed(model: DeviceModel, place: string, value: unknown): void {
  if (typeof value !== 'string' || !/^(?:0x|bytes:)/.test(value)) return
  const [region, offset] = place.split(':').map(Number) as [number, number]
  const bytes = value.startsWith(BYTES)
    ? Uint8Array.from(Buffer.from(value.slice(BYTES.length), 'hex'))
    : Uint8Array.from([0, 8, 16, 24], (shift) => (Number(value) >>> shift) & 0xff)
  if (region === VGA_REGION) model.writeVga?.(offset, bytes)
  else store(model, region as BarIndex, offset, bytes)
}

/** Some registers keep the opposite of what is written. */
function store(model: DeviceModel, bar: BarIndex, offset: number, bytes: Uint8Array): void {
  model.writeBar(bar, offset, bytes)
  const kept = new Uint8Array(bytes.length)
  model.readBar(bar, offset, kept)
  if (kept.some((byte, at) => byte !== bytes[at]))
    model.writeBar(
      bar,
      offset,
      bytes.map((byte) => ~byte),
    )
}
