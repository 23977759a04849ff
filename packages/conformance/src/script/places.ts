/** Offsets and lengths that a script gives by name: `end-4`, `@PM+4`. */
import { DEVICE_IOCTL, PCI_REGION, REGION_INFO, VfioError } from '@vfiokit/vfio-core'
import { Skipped } from './outcome.ts'
import type { OpenHandle, ScriptSession } from './session.ts'

/** Identifiers of capabilities by the names that scripts use. */
const CAPABILITIES: Readonly<Record<string, number>> = {
  PM: 0x01,
  VPD: 0x03,
  MSI: 0x05,
  PCIX: 0x07,
  VNDR: 0x09,
  SSVID: 0x0d,
  EXP: 0x10,
  MSIX: 0x11,
  AF: 0x13,
  EA: 0x14,
}

const CAPABILITY_POINTER = 0x34
const EXTENDED_START = 0x100
/** A list that is longer than this runs in a circle. */
const CHAIN_MAX = 256

/** Reads configuration space: `length` bytes, or undefined where nothing can be read. */
export type ConfigReader = (offset: number, length: number) => Promise<Uint8Array | undefined>

/**
 * A number that is written out, or an offset behind a capability.
 *
 * @throws Skipped when configuration space has no such capability.
 */
export async function placeIn(word: string, config: ConfigReader): Promise<number> {
  const named = /^@([A-Za-z]+)([0-9a-fA-F]*)([+-].+)?$/.exec(word)
  if (named === null) return Number(word)
  const [, letters = '', digits = '', plus = '0'] = named
  const at =
    letters === 'X'
      ? await findExtended(Number.parseInt(digits, 16), config)
      : await find(idOf(letters), config)
  if (at === undefined) throw new Skipped('no-cap')
  return at + Number(plus)
}

/** The same for a region, where `end` is its size. @throws Skipped also when there is no region, or it has no size. */
export async function placeInRegion(
  session: ScriptSession,
  handle: OpenHandle,
  region: number,
  word: string,
): Promise<number> {
  const end = /^end(.*)$/.exec(word)
  if (end === null) return placeIn(word, vfioConfig(session, handle))
  const size = await regionSize(session, handle, region)
  if (size === 0) throw new Skipped('empty-region')
  return size + Number(end[1] === '' ? 0 : end[1])
}

/** An offset as it is recorded: 64 bits without a sign, as `end-4096` of a smaller region shows. */
export function recordedOffset(offset: number): number {
  return Number(BigInt.asUintN(64, BigInt(offset)))
}

/** Configuration space as a process sees it through vfio. */
export function vfioConfig(session: ScriptSession, { fd }: OpenHandle): ConfigReader {
  return async (offset, length) => {
    const bytes = new Uint8Array(length)
    try {
      const done = await session.process.pread(fd, bytes, PCI_REGION.CONFIG * REGION_STRIDE + offset)
      return done === length ? bytes : undefined
    } catch (error) {
      if (VfioError.is(error)) return undefined
      throw error
    }
  }
}

/** Distance of one region from the next in a device's file. */
export const REGION_STRIDE: number = 2 ** 40

async function regionSize(session: ScriptSession, { fd }: OpenHandle, index: number): Promise<number> {
  const info = REGION_INFO.encode({ argsz: REGION_INFO.sizeBytes, index })
  try {
    await session.process.ioctl(fd, DEVICE_IOCTL.DEVICE_GET_REGION_INFO, info)
  } catch (error) {
    if (VfioError.is(error)) throw new Skipped('no-cap')
    throw error
  }
  return Number(REGION_INFO.decode(info).size)
}

function idOf(name: string): number {
  const id = CAPABILITIES[name]
  if (id === undefined) throw new Skipped('no-cap')
  return id
}

async function find(id: number, config: ConfigReader): Promise<number | undefined> {
  let at = (await config(CAPABILITY_POINTER, 1))?.[0] ?? 0
  for (let seen = 0; at >= 0x40 && seen < CHAIN_MAX; seen += 1) {
    const header = await config(at & 0xfc, 2)
    if (header === undefined) return undefined
    if (header[0] === id) return at & 0xfc
    at = header[1]!
  }
  return undefined
}

async function findExtended(id: number, config: ConfigReader): Promise<number | undefined> {
  let at = EXTENDED_START
  for (let seen = 0; at >= EXTENDED_START && seen < CHAIN_MAX; seen += 1) {
    const bytes = await config(at, 4)
    if (bytes === undefined) return undefined
    const header = new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true)
    if (header === 0 || header === 0xffff_ffff) return undefined
    if ((header & 0xffff) === id) return at
    at = (header >>> 20) & 0xffc
  }
  return undefined
}
