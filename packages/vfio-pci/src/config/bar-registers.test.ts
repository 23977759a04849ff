import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { Host } from '../fixtures/host.ts'
import { BDF, FUNCTION_NAMES, functionOf } from '../fixtures/machine.ts'

const BAR = (index: number) => 0x10 + 4 * index
const ALL_ONES = 0xffff_ffff

describe.each(KERNEL_VERSIONS)('sizing on %s', (kernel) => {
  test.each(FUNCTION_NAMES)(
    'T2 T3 T4 every BAR of %s shows its size and type, and the hardware keeps its address',
    (name) => {
      const host = new Host({ kernel })
      const device = host.guest().open(name)
      const before = host.hardware(name).readConfig(0x10, 4)
      for (let at = 0; at < 6; at++) device.setConfig(BAR(at), 4, ALL_ONES)
      const shown = Array.from({ length: 6 }, (_, at) => device.config(BAR(at), 4))
      const expected = new Array(6).fill(0)
      for (const { index, kind, width, prefetchable, sizeBytes } of functionOf(name).bars!) {
        if (index === 'rom') continue
        const mask = BigInt.asUintN(64, -BigInt(sizeBytes!))
        const type = kind === 'io' ? 1 : (width === 64 ? 4 : 0) | (prefetchable ? 8 : 0)
        expected[index] = Number(mask & 0xffff_ffffn) + type
        if (width === 64) expected[index + 1] = Number(mask >> 32n)
      }
      expect(shown).toEqual(expected)
      expect(host.hardware(name).readConfig(0x10, 4)).toBe(before)
    },
  )

  test('a BAR of 8 GiB holds its size in the upper register', () => {
    const testdev = new Host({ kernel }).guest().open('testdev')
    testdev.setConfig(BAR(2), 4, ALL_ONES)
    testdev.setConfig(BAR(3), 4, ALL_ONES)
    expect(testdev.config(BAR(2), 4)).toBe(0x0000_000c)
    expect(testdev.config(BAR(3), 4)).toBe(0xffff_fffe)
  })

  test('of the ROM register the address and the enable bit can be written', () => {
    const nic = new Host({ kernel }).guest().open('nic')
    nic.setConfig(0x30, 4, ALL_ONES)
    expect(nic.config(0x30, 4)).toBe(0xffff_f801)
    nic.setConfig(0x30, 4, 0x0000_0ffe)
    expect(nic.config(0x30, 4)).toBe(0x0000_0800)
  })

  test('a function without ROM reads 0 there', () => {
    const edu = new Host({ kernel }).guest().open('edu')
    edu.setConfig(0x30, 4, ALL_ONES)
    expect(edu.config(0x30, 4)).toBe(0)
  })

  test('it works by words and bytes as well', () => {
    const nic = new Host({ kernel }).guest().open('nic')
    nic.setConfig(BAR(0), 2, 0xffff)
    nic.setConfig(BAR(0) + 2, 1, 0xff)
    nic.setConfig(BAR(0) + 3, 1, 0xff)
    expect(nic.config(BAR(0), 4)).toBe(0xfffe_0000)
  })

  test('a user’s address is kept and moves nothing', () => {
    const nic = new Host({ kernel }).guest().open('nic')
    const map = nic.map(0)
    map.store(0x10, 0xabcd)
    nic.setConfig(BAR(0), 4, 0xc000_0000)
    expect(nic.config(BAR(0), 4)).toBe(0xc000_0000)
    expect(map.load(0x10)).toBe(0xabcd)
  })
})

describe.each(KERNEL_VERSIONS)('a reset that vfio did not do, on %s', (kernel) => {
  test('T74 takes the addresses away; the next command write puts them back', () => {
    const host = new Host({ kernel })
    const nvme = host.guest().open('nvme')
    const hardware = host.hardware('nvme')
    hardware.reset('flr')
    expect(hardware.readConfig(0x10, 4)).toBe(4)
    expect(nvme.config(0x10, 4)).toBe(0xfe38_0004)
    nvme.setMemory(true)
    expect(hardware.readConfig(0x10, 4)).toBe(0xfe38_0004)
    expect(hardware.readConfig(4, 2) & 2).toBe(2)
    nvme.write(0, 0x100, Uint8Array.of(1, 2, 3, 4))
    expect([...nvme.read(0, 0x100, 4)]).toEqual([1, 2, 3, 4])
  })

  test('also when only an address is gone', () => {
    const host = new Host({ kernel })
    const nvme = host.guest().open('nvme')
    host.hardware('nvme').writeConfig(0x10, 4, 0)
    nvme.setMemory(false)
    expect(host.hardware('nvme').readConfig(0x10, 4)).toBe(0xfe38_0004)
  })

  test('also when only the decode bits are gone', () => {
    const host = new Host({ kernel })
    const nic = host.guest().open('nic')
    const hardware = host.hardware('nic')
    hardware.writeConfig(0x30, 4, 0)
    hardware.writeConfig(4, 2, 0)
    // The register of the ROM alone is not looked at, but it is restored with the others.
    nic.setConfig(4, 2, 0x0003)
    expect(hardware.readConfig(0x30, 4)).toBe(0xfe30_0000)
  })

  test('a virtual function has no BAR registers that could be restored', () => {
    const host = new Host({ kernel })
    host.guest().open('vf')
    const { barRegisters } = host.driver('vf').open!
    barRegisters.restore()
    expect(barRegisters.needRestore).toBe(false)
    expect(host.hardware('vf').readConfig(0x10, 4)).toBe(0)
  })

  test('a BAR that was never assigned reads 0 and cannot be accessed', () => {
    const bars = functionOf('edu').bars!.map((bar) => ({ ...bar, address: 0n }))
    const host = new Host({ kernel, overrides: { edu: { bars } } })
    const edu = host.guest().open('edu')
    edu.setConfig(BAR(0), 4, ALL_ONES)
    expect(edu.config(BAR(0), 4)).toBe(0)
    expect(host.topology.function(BDF.edu)!.bars).toHaveLength(1)
  })
})
