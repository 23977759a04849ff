import { acmeSample } from '@vfiokit/region-acme-sample'
import { testRegionProvider } from '@vfiokit/testkit'
import type { Region, RegionHost } from '@vfiokit/vfio-pci'
import { expect, test } from 'vitest'

const IDENTIFICATION = [0xed, 0x00, 0x00, 0x01]
const card = { vendorId: 0x1234, deviceId: 0x11e8, bars: [{ index: 0, sizeBytes: 0x10_0000 }] } as const
const type = 0x8000_1234

testRegionProvider(acmeSample, {
  function: card,
  bars: { 0: { 0: IDENTIFICATION } },
  regions: [
    { type, subtype: 1, sizeBytes: 16, read: true, write: false, backing: 'none' },
    { type, subtype: 2, sizeBytes: 0x1000, read: false, write: false, backing: 'bar' },
    { type, subtype: 3, sizeBytes: 0x2000, read: true, write: true, backing: 'memory' },
  ],
})

const registers = { read: (_offset: number, out: Uint8Array) => out.set(IDENTIFICATION) }
const host = { bar: () => registers } as unknown as RegionHost
const opened = () => acmeSample.open(host) as [Region, Region, Region]

test('status shows the identification, and how often the card was reset', () => {
  const [status] = opened()
  for (let resets = 0; resets < 2; resets++) status.resetDone!()
  const out = new Uint8Array(16)
  status.read!(0, out)
  expect([...out.subarray(0, 8)]).toEqual([...IDENTIFICATION, 2, 0, 0, 0])
})

test('the doorbell is the page of BAR 0 at 0x40000, the journal is memory that a read sees too', () => {
  const [, doorbell, journal] = opened()
  expect(doorbell.fault!(0)).toEqual({ bar: 0, offset: 0x4_0000 })
  const page = journal.fault!(0x1000) as { memory: Uint8Array; offset: number }
  journal.write!(0x1000, Uint8Array.of(7))
  expect(page.memory[page.offset]).toBe(7)
})
