import { fileURLToPath } from 'node:url'
import {
  Bdf,
  ConfigComposer,
  capabilityBytes,
  decodeCapability,
  type PciFunction,
  TopologyBuilder,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'
import { capabilityLayout } from './capability-layouts.ts'
import { EXTENDED_CAPABILITY_NAMES, STANDARD_CAPABILITY_NAMES } from './capability-names.ts'

function fixture(name: string, bdf: string): PciFunction {
  const path = fileURLToPath(new URL(`./fixtures/${name}.json.gz`, import.meta.url))
  return readTopologyFile(path).function(Bdf.parse(bdf))!
}

function decode(fn: PciFunction, name: string): Readonly<Record<string, unknown>> {
  return decodeCapability(fn, fn.capabilities.find((entry) => entry.name === name)!)
}

/** A function with one capability of those bytes after its header. */
function made(id: number, extended: boolean, data: readonly number[], headerType: 0 | 1 = 0): PciFunction {
  const composer = new ConfigComposer(4096, { vendorId: 1, deviceId: 2, headerType })
  if (extended) composer.capability({ id: 0x10 })
  const config = composer.capability({ id, extended, data: Uint8Array.from(data) }).compose()
  return new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:01.0'), config }).finish().functions[0]!
}

function words(...values: readonly number[]): readonly number[] {
  return values.flatMap((value) => [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24])
}

test('an Intel 82576 as lspci reads it', () => {
  const nic = fixture('sriov-7.2', '01:00.0')
  expect(decode(nic, 'power-management')).toMatchObject({
    version: 2,
    deviceSpecificInitialization: true,
    state: 'D0',
    noSoftReset: false,
  })
  expect(decode(nic, 'msi')).toMatchObject({
    enabled: false,
    address64: true,
    perVectorMasking: true,
    address: 0n,
    mask: 0,
  })
  expect(decode(nic, 'msi-x')).toMatchObject({
    enabled: true,
    lastVector: 9,
    tableBar: 3,
    tableOffset8: 0,
    pendingBar: 3,
    pendingOffset8: 0x2000 / 8,
  })
  expect(decode(nic, 'pci-express')).toMatchObject({
    version: 2,
    type: 'endpoint',
    maxPayloadSupported: '128 bytes',
    extendedTags: true,
    functionLevelReset: true,
    linkSpeed: '2.5 GT/s',
    linkWidth: 1,
    aspmSupported: 'L0s',
  })
  expect(decode(nic, 'advanced-error-reporting')).toMatchObject({
    dataLinkProtocolFatal: true,
    malformedTlpFatal: true,
    ecrcFatal: false,
    advisoryNonFatalMasked: true,
    ecrcGeneration: true,
    ecrcGenerationEnabled: false,
  })
  expect(decode(nic, 'alternative-routing-id')).toMatchObject({ nextFunction: 0, functionGroups: false })
  expect(decode(nic, 'single-root-io-virtualization')).toMatchObject({
    vfEnable: true,
    vfMemoryEnable: true,
    ariCapableHierarchy: true,
    initialVfs: 8,
    totalVfs: 8,
    numVfs: 3,
    firstVfOffset: 128,
    vfStride: 2,
    vfDeviceId: 0x10ca,
    supportedPageSizes: 0x553,
    systemPageSize: 1,
  })
})

test('a root port with hot-plug and ACS as lspci reads it', () => {
  const port = fixture('multifn-7.2', '00:01.0')
  expect(decode(port, 'pci-express')).toMatchObject({
    type: 'root-port',
    slotImplemented: true,
    hotplugCapable: true,
    physicalSlot: 1,
  })
  expect(decode(port, 'subsystem-ids')).toEqual({ vendorId: 0x1b36, deviceId: 0 })
  expect(decode(port, 'access-control-services')).toMatchObject({
    sourceValidation: true,
    requestRedirect: true,
  })
  expect(decode(fixture('multifn-7.2', '01:00.1'), 'device-serial-number')).toEqual({
    serialNumber: '52-54-00-ff-ff-00-00-01',
  })
})

test('fact 24: a resizable BAR says which sizes it can have and which it has', () => {
  const { bars } = decodeCapability(...first(made(0x15, true, words(0x00003ff0, 0x00000820))))
  expect(bars).toEqual([
    {
      bar: 0,
      currentBytes: 256n * 2n ** 20n,
      supportedBytes: Array.from({ length: 10 }, (_, index) => 2n ** BigInt(20 + index)),
    },
  ])
})

test('a resizable BAR beyond 128 TiB takes its size bits from the second register', () => {
  const { bars } = decodeCapability(...first(made(0x24, true, words(0x80000000, 0x00013b21))))
  expect(bars).toEqual([{ bar: 1, currentBytes: 1n << 79n, supportedBytes: [1n << 47n, 1n << 48n] }])
})

/** The function and its last capability. */
function first(fn: PciFunction): [PciFunction, PciFunction['capabilities'][number]] {
  return [fn, fn.capabilities.at(-1)!]
}

test('enhanced allocation: entries, and the BARs that they place', () => {
  const entry64 = words(0x80000004 | (0 << 4) | (1 << 8), 0x40000002, 0x0000ffff | 2, 0x1, 0x0)
  const entryIo = words(0x80000002 | (2 << 4) | (2 << 8), 0x0000e000, 0x0000001c)
  const bad = words(0x80000007 | (3 << 4), 0x50000000, 0x00000ffc)
  const fn = made(0x14, false, [0x03, 0x00, ...entry64, ...entryIo, ...bad])
  const { entries } = decodeCapability(...first(fn)) as {
    entries: { start: bigint; end: bigint; consistent: boolean }[]
  }
  expect(entries.map(({ start, end, consistent }) => [start, end, consistent])).toEqual([
    [0x140000000n, 0x14000ffffn, true],
    [0xe000n, 0xe01fn, true],
    [0x50000000n, 0x50000fffn, false],
  ])
  expect(fn.bars).toEqual([
    { index: 0, kind: 'memory', width: 64, prefetchable: true, address: 0x140000000n, sizeBytes: 0x10000 },
    { index: 2, kind: 'io', width: 32, prefetchable: false, address: 0xe000n, sizeBytes: 32 },
  ])
})

test('enhanced allocation of a bridge has its bus numbers before the entries', () => {
  const entry = words(0x80000002, 0x40000000, 0x00000ffc)
  const fn = made(0x14, false, [0x01, 0x00, ...words(0x00000201), ...entry], 1)
  const { entries } = decodeCapability(...first(fn)) as { entries: { start: bigint }[] }
  expect(entries.map(({ start }) => start)).toEqual([0x40000000n])
})

test('what the IOMMU shares: ATS, PRI and PASID', () => {
  expect(decodeCapability(...first(made(0x0f, true, words(0x80010025))))).toEqual({
    invalidateQueueDepth: 5,
    pageAlignedRequest: true,
    smallestTranslationUnit: 1,
    enabled: true,
  })
  expect(decodeCapability(...first(made(0x13, true, words(0x81000001, 64, 32))))).toMatchObject({
    enabled: true,
    stopped: true,
    pasidRequired: true,
    outstandingCapacity: 64,
    outstandingAllocation: 32,
  })
  expect(decodeCapability(...first(made(0x1b, true, words(0x00031406))))).toMatchObject({
    execute: true,
    privileged: true,
    maxWidth: 20,
    enabled: true,
    executeEnabled: true,
  })
})

test('containment, substates and the vendors own', () => {
  expect(decodeCapability(...first(made(0x1d, true, words(0x000900ef, 0x01000003))))).toMatchObject({
    interruptMessage: 15,
    rootPortExtensions: true,
    softwareTrigger: true,
    triggerEnable: 'fatal',
    interruptEnable: true,
    triggered: true,
    triggerReason: 'non-fatal message',
    errorSource: 0x0100,
  })
  expect(
    decodeCapability(...first(made(0x1e, true, words(0x0028281f, 0x4064000f, 0x00000029)))),
  ).toMatchObject({
    l1Substates: true,
    commonModeRestoreUs: 40,
    powerOnScale: '2 us',
    powerOnValue: 5,
    aspmL11Enabled: true,
    ltrThresholdValue: 100,
    ltrThresholdScale: 2,
    powerOnScaleSet: '10 us',
    powerOnValueSet: 5,
  })
  expect(decodeCapability(...first(made(0x23, true, words(0x01001e98, 3))))).toEqual({
    vendorId: 0x1e98,
    vendorRevision: 0,
    length: 16,
    vendorCapabilityId: 3,
  })
  expect(decodeCapability(...first(made(0x0b, true, words(0x01020003))))).toEqual({
    vendorCapabilityId: 3,
    vendorRevision: 2,
    length: 16,
  })
})

test('a capability without a known layout keeps its bytes, up to the next one', () => {
  const composer = new ConfigComposer(256, { vendorId: 1, deviceId: 2 })
  const config = composer
    .capability({ id: 0x07, data: Uint8Array.of(1, 2, 3, 4, 5, 6) })
    .capability({ id: 0x01 })
    .compose()
  const fn = new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:01.0'), config }).finish().functions[0]!
  expect(decodeCapability(fn, fn.capabilities[0]!)).toEqual({ raw: Uint8Array.of(7, 0x48, 1, 2, 3, 4, 5, 6) })
  expect(capabilityBytes(fn, fn.capabilities[1]!)).toHaveLength(256 - 0x48)
})

test('every layout has a name, fits its size, and no two fields share bits or a name', () => {
  let count = 0
  for (const [space, names] of [STANDARD_CAPABILITY_NAMES, EXTENDED_CAPABILITY_NAMES].entries()) {
    for (const id of Object.keys(names)) {
      const layout = capabilityLayout(Number(id), space === 1)
      if (layout === undefined) continue
      count += 1
      const bits = layout.fields.flatMap((field) =>
        Array.from({ length: field.bits }, (_, bit) => 8 * field.offset + field.low + bit),
      )
      expect(new Set(bits).size, names[Number(id)]).toBe(bits.length)
      expect(Math.max(0, ...bits), names[Number(id)]).toBeLessThan(8 * layout.sizeBytes)
      expect(Math.min(999, ...bits)).toBeGreaterThanOrEqual(space === 1 ? 32 : 16)
      expect(new Set(layout.fields.map((field) => field.name)).size).toBe(layout.fields.length)
    }
  }
  expect(count).toBe(23)
})
