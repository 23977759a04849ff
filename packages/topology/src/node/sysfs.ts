/**
 * Reads the running system: `/sys/bus/pci`, or a copied or generated tree of the same shape.
 *
 * Few system calls per function: `uevent` has ids, class and driver in one read. Devices come and go while they are
 * read (hot-plug, virtual functions): one that does costs itself and a warning, never the scan.
 */
import { closeSync, fstatSync, openSync, readdirSync, readlinkSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { Bdf } from '../bdf.ts'
import { ConfigSpace } from '../config-space.ts'
import { BUS_NUMBERS, CLASS_CODE, HEADER_TYPE } from '../header-registers.ts'
import {
  MORE_ATTRIBUTES,
  parentOfPath,
  type SysfsDevice,
  sysfsFunction,
  sysfsSlot,
} from '../readers/sysfs-function.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
import { unreadableFile } from './unreadable-file.ts'

export interface SysfsOptions {
  /** Where sysfs is mounted, or a copy of it; `/sys` when left out. */
  readonly root?: string
  /**
   * `all`, or only what a tree shows: addresses, bridges and their bus numbers. A tree takes one link and one header
   * a function, and everything else stays unknown.
   */
  readonly detail?: 'all' | 'tree'
  /** Also every other attribute, one read each: NUMA node, link speed, power state, SR-IOV numbers, labels ... */
  readonly attributes?: boolean
}

/**
 * The topology of the running system. Without privilege the kernel gives 64 bytes of configuration space: each
 * function then has a fault, and its capabilities are unknown. A system without PCI, or a root that cannot be read,
 * gives no functions and an error.
 */
export function readSysfs(options: SysfsOptions = {}): Topology {
  const root = join(options.root ?? '/sys', 'bus', 'pci')
  const devicesFolder = join(root, 'devices')
  const builder = new TopologyBuilder(() => ({ file: devicesFolder }))
  let names: readonly string[]
  try {
    names = readdirSync(devicesFolder)
  } catch (error) {
    return builder.addFault({ ...unreadableFile(devicesFolder, error), code: 'sysfs-unreadable' }).finish()
  }
  withoutStackTraces(() => {
    if (options.detail === 'tree') return addTree(builder, devicesFolder, names)
    addDevices(builder, devicesFolder, names, options.attributes === true ? MORE_ATTRIBUTES : [])
    addSlots(builder, join(root, 'slots'))
  })
  return builder.finish()
}

/** Files that are not there are the rule, and most of what an exception costs is its stack trace. */
function withoutStackTraces(work: () => void): void {
  const before = Error.stackTraceLimit
  Error.stackTraceLimit = 0
  try {
    work()
  } finally {
    Error.stackTraceLimit = before
  }
}

function addDevices(
  builder: TopologyBuilder,
  folder: string,
  names: readonly string[],
  moreAttributes: readonly string[],
): void {
  const devices: (readonly [Bdf, LiveDevice])[] = []
  for (const [bdf, file] of addresses(builder, folder, names)) {
    const device = new LiveDevice(file, moreAttributes)
    if (device.isPresent) devices.push([bdf, device])
    else addVanished(builder, bdf, file)
  }
  const recordsMethods = devices.some(([, device]) => device.text('reset_method') !== undefined)
  for (const [bdf, device] of devices) {
    const report = (fault: Parameters<TopologyBuilder['addFault']>[0]): void => {
      builder.addFault({ ...fault, file: device.folder })
    }
    builder.addFunction(sysfsFunction(bdf, device, recordsMethods, report))
    for (const [name, errno] of device.unreadable) addUnreadable(builder, bdf, device.folder, name, errno)
  }
}

function* addresses(
  builder: TopologyBuilder,
  folder: string,
  names: readonly string[],
): Generator<readonly [Bdf, string]> {
  for (const name of names) {
    const file = `${folder}/${name}`
    const bdf = Bdf.tryParse(name)
    if (bdf !== undefined) {
      yield [bdf, file]
      continue
    }
    const message = `'${name}' is not a PCI address: left out`
    builder.addFault({ severity: 'warning', code: 'sysfs-malformed', message, file })
  }
}

function addVanished(builder: TopologyBuilder, bdf: Bdf, file: string): void {
  const message = `${bdf}: went away while it was read: left out`
  builder.addFault({ severity: 'warning', code: 'device-vanished', message, file, bdf })
}

function addUnreadable(
  builder: TopologyBuilder,
  bdf: Bdf,
  folder: string,
  name: string,
  errno: string,
): void {
  const message = `${bdf}: ${name} cannot be read (${errno}): taken as unknown`
  const file = join(folder, name)
  builder.addFault({ severity: 'warning', code: 'sysfs-attribute-unreadable', message, file, bdf })
}

const HEADER_BYTES = 64

/** Addresses from the names, bridges above from the links, bridges and their buses from the headers. */
function addTree(builder: TopologyBuilder, folder: string, names: readonly string[]): void {
  for (const [bdf, file] of addresses(builder, folder, names)) {
    const path = readLink(file)
    if (path === undefined) {
      addVanished(builder, bdf, file)
      continue
    }
    const header = readFile(`${file}/config`, false, (errno) => {
      addUnreadable(builder, bdf, file, 'config', errno)
    })
    const isKnown = header !== undefined && header.length >= HEADER_BYTES
    const type = isKnown ? buffer[HEADER_TYPE]! & 0x7f : 0
    builder.addFunction({
      bdf,
      parent: parentOfPath(path),
      vendorId: isKnown ? buffer.readUInt16LE(0) : undefined,
      deviceId: isKnown ? buffer.readUInt16LE(2) : undefined,
      classCode: isKnown ? buffer.readUIntLE(CLASS_CODE, 3) : undefined,
      busNumbers:
        type === 1 || type === 2
          ? {
              primary: buffer[BUS_NUMBERS]!,
              secondary: buffer[BUS_NUMBERS + 1]!,
              subordinate: buffer[BUS_NUMBERS + 2]!,
            }
          : undefined,
    })
  }
}

function addSlots(builder: TopologyBuilder, folder: string): void {
  let names: readonly string[] = []
  try {
    names = readdirSync(folder)
  } catch {
    // No folder: no slot is registered.
  }
  for (const name of names) {
    const file = join(folder, name)
    const report = (fault: Parameters<TopologyBuilder['addFault']>[0]): void => {
      builder.addFault({ ...fault, file })
    }
    const slot = sysfsSlot(name, readText(join(file, 'address')), readLink(join(file, 'module')), report)
    if (slot !== undefined) builder.addSlot(slot)
  }
}

/** Larger than any attribute that is read here; the kernel's own limit is a page. */
const buffer = Buffer.alloc(8192)

interface FileRead {
  /** How much of the buffer it fills. */
  readonly length: number
  readonly fileBytes: number | undefined
}

/** What a kernel answers when a device or an attribute is not there, or does not apply to the device. */
const ABSENT: ReadonlySet<string> = new Set(['ENOENT', 'ENODEV', 'ENXIO', 'ENOTDIR', 'EINVAL', 'ENOTSUP'])

type Refused = (errno: string) => void

/** Into the buffer, without the extra calls of readFileSync: sysfs files come in one read. */
function readFile(path: string, wantsSize: boolean, refused?: Refused): FileRead | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    return notRead(error, refused)
  }
  try {
    const fileBytes = wantsSize ? fstatSync(file).size : undefined
    let length = 0
    for (;;) {
      const count = readSync(file, buffer, length, buffer.length - length, length)
      length += count
      if (count === 0 || length === buffer.length || length < 4096) break
    }
    return { length, fileBytes }
  } catch (error) {
    return notRead(error, refused)
  } finally {
    closeSync(file)
  }
}

function notRead(error: unknown, refused: Refused | undefined): undefined {
  const { code } = error as NodeJS.ErrnoException
  if (code === undefined) throw error
  if (!ABSENT.has(code)) refused?.(code)
}

function readText(path: string, refused?: Refused): string | undefined {
  const read = readFile(path, false, refused)
  return read === undefined ? undefined : buffer.toString('utf8', 0, read.length).trim()
}

function readLink(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}

/** Attributes whose text is in `uevent`: from its key and value to what the file of that name would say. */
const UEVENT_ATTRIBUTES: Readonly<
  Record<string, (uevent: ReadonlyMap<string, string>) => string | undefined>
> = {
  vendor: (uevent) => idPart(uevent.get('PCI_ID'), 0),
  device: (uevent) => idPart(uevent.get('PCI_ID'), 1),
  subsystem_vendor: (uevent) => idPart(uevent.get('PCI_SUBSYS_ID'), 0),
  subsystem_device: (uevent) => idPart(uevent.get('PCI_SUBSYS_ID'), 1),
  class: (uevent) => (uevent.has('PCI_CLASS') ? `0x${uevent.get('PCI_CLASS')}` : undefined),
}

function idPart(pair: string | undefined, index: number): string | undefined {
  const part = pair?.split(':')[index]
  return part === undefined ? undefined : `0x${part}`
}

class LiveDevice implements SysfsDevice {
  readonly folder: string
  readonly isPresent: boolean
  /** Attributes that are there but could not be read, and the errno of each. */
  readonly unreadable = new Map<string, string>()
  readonly #uevent: ReadonlyMap<string, string>
  readonly #resetMethod: string | undefined
  readonly #config: ConfigSpace | undefined
  readonly #configFileBytes: number | undefined

  constructor(
    folder: string,
    readonly moreAttributes: readonly string[],
  ) {
    this.folder = folder
    const uevent = this.#read('uevent')
    this.#uevent = new Map((uevent ?? '').split('\n').map((line) => splitOnce(line)))
    const isThere = uevent !== undefined || this.#read('vendor') !== undefined
    this.isPresent = isThere || this.unreadable.size > 0
    this.#resetMethod = this.#read('reset_method')
    const config = readFile(join(folder, 'config'), true, this.#refused('config'))
    this.#config =
      config === undefined ? undefined : new ConfigSpace(buffer.subarray(0, Math.min(config.length, 4096)))
    this.#configFileBytes = config?.fileBytes
  }

  has(name: string): boolean {
    return this.#read(name) !== undefined || this.unreadable.has(name)
  }

  text(name: string): string | undefined {
    if (name === 'reset_method') return this.#resetMethod
    const ofUevent = UEVENT_ATTRIBUTES[name]
    const said = ofUevent?.(this.#uevent)
    if (said !== undefined) return said
    // What a function says of itself needs no file; a virtual function says nothing (ffff).
    const isOwnWord = ofUevent !== undefined || name === 'revision'
    if (isOwnWord && this.#config?.has(0, 64) && this.#config.read16(0) !== 0xffff) return undefined
    return this.#read(name)
  }

  link(name: string): string | undefined {
    if (name === 'driver' && this.#uevent.has('PCI_ID')) return this.#uevent.get('DRIVER')
    return readLink(join(this.folder, name))
  }

  config(): ConfigSpace | undefined {
    return this.#config
  }

  configFileBytes(): number | undefined {
    return this.#configFileBytes
  }

  path(): string | undefined {
    return readLink(this.folder)
  }

  #read(name: string): string | undefined {
    return readText(join(this.folder, name), this.#refused(name))
  }

  #refused(name: string): Refused {
    return (errno) => void this.unreadable.set(name, errno)
  }
}

function splitOnce(line: string): readonly [string, string] {
  const at = line.indexOf('=')
  return at < 0 ? [line, ''] : [line.slice(0, at), line.slice(at + 1)]
}
