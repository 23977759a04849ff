import { createHost } from '@vfiokit/host'
import { testVariantDriver } from '@vfiokit/testkit'
import { callsOf, type DeviceCalls, openDeviceIn, openGroup } from '@vfiokit/vfio-core'
import { runLive } from '@vfiokit/locking'
import { expect, test } from 'vitest'
import plugin, { pluginName } from './index.ts'

const bdf = '0000:00:03.0'
const bars = [{ index: 0, kind: 'memory', address: 0xfe000000, size: '64K' }]
const functions = [{ bdf, id: '1e5a:0003', class: '120000', iommuGroup: 1, bars }]

testVariantDriver(pluginName, {
  function: { vendorId: 0x1e5a, deviceId: 0x0003, bars: [{ index: 0, sizeBytes: 0x1_0000 }] },
  replacements: { 2: { sizeBytes: 0x2000, read: true, write: true, backing: 'memory' } },
})

async function machine() {
  const host = await createHost({ topology: { inline: { functions } }, bind: [bdf], plugins: [plugin] })
  return { host, calls: callsOf(host.vfio.process('vm0')) }
}

/** The card, opened by somebody. */
async function card(): Promise<DeviceCalls> {
  const { calls } = await machine()
  const group = await runLive(openGroup(calls, 1))
  return runLive(openDeviceIn(calls, group, bdf))
}

test('it is for the card alone', async () => {
  const { host } = await machine()
  const fn = host.topology.functions[0]!
  expect([pluginName.matches(fn), pluginName.matches({ ...fn, deviceId: 1 })]).toEqual([true, false])
})

test('BAR 0 ends behind its first page', async () => {
  const { sizeBytes } = await runLive((await card()).regionInfo(0))
  expect(sizeBytes).toBe(4096)
})

test('BAR 2 shows what was written to it', async () => {
  const device = await card()
  await runLive(device.write(2, 16, Uint8Array.of(7)))
  const out = new Uint8Array(1)
  await runLive(device.calls.load(await runLive(device.mmap(2, 0, 4096)), out))
  await runLive(device.read(2, 16, out))
  expect(out[0]).toBe(7)
})
