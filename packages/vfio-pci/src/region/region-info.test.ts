import { DEVICE_IOCTL, KERNEL_VERSIONS, REGION_FLAGS, REGION_INFO, readChain } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, type GuestDevice, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF, functionOf, ROM } from '../fixtures/machine.ts'
import { memoryRegion, provider } from '../fixtures/regions.ts'

const { READ, WRITE, MMAP, CAPS } = REGION_FLAGS

/** The raw ioctl, with a buffer of `bytes` of which the caller says that it has `argsz`. */
function ask(device: GuestDevice, index: number, argsz: number, bytes = argsz) {
  const argument = new Uint8Array(bytes)
  REGION_INFO.write(argument, { argsz, index, flags: 0xffff, cap_offset: 99 })
  const result = device.ioctl(DEVICE_IOCTL.DEVICE_GET_REGION_INFO, argument)
  return { result, argument, ...REGION_INFO.decode(argument) }
}

describe.each(KERNEL_VERSIONS)('the region table on %s', (kernel) => {
  test('BARs, ROM and configuration space of one function', () => {
    const nic = new Host({ kernel }).guest().open('nic')
    const table = [0, 1, 2, 3, 4, 5, REGION.ROM, REGION.CONFIG].map((index) => {
      const { sizeBytes, flags, capabilities, offset } = nic.region(index)
      expect(offset).toBe(index * 2 ** 40)
      return [sizeBytes, flags, capabilities.map(({ id }) => id)]
    })
    expect(table).toEqual([
      [0x2_0000, READ | WRITE | MMAP, []],
      [0x2_0000, READ | WRITE | MMAP, []],
      [0x20, READ | WRITE, []],
      [0x4000, READ | WRITE | MMAP | CAPS, [3]],
      [0, 0, []],
      [0, 0, []],
      [ROM.barBytes, READ, []],
      [4096, READ | WRITE, []],
    ])
  })

  test('T23 no VGA, nothing behind the last region, and a BAR that is not there has no size', () => {
    const nic = new Host({ kernel }).guest().open('nic')
    expect(failure(() => nic.region(REGION.VGA))).toBe('EINVAL')
    expect(failure(() => nic.region(9))).toBe('EINVAL')
    expect(failure(() => nic.region(0xffff_ffff))).toBe('EINVAL')
    const { flags, size } = ask(nic, 4, 32)
    expect([flags, size]).toEqual([0, 0n])
  })

  test('the upper half of a 64-bit BAR is no region', () => {
    const testdev = new Host({ kernel }).guest().open('testdev')
    expect(testdev.region(2).sizeBytes).toBe(0x2_0000_0000)
    expect(testdev.region(3)).toMatchObject({ sizeBytes: 0, flags: 0 })
  })

  test('T15 a BAR smaller than a page can be mapped if it begins one', () => {
    const lone = new Host({ kernel }).guest().open('lone')
    expect(lone.region(0)).toMatchObject({ sizeBytes: 0x200, flags: READ | WRITE | MMAP })
    expect(lone.region(1)).toMatchObject({ sizeBytes: 0x200, flags: READ | WRITE })
  })

  test('T16 an I/O BAR is never mappable', () => {
    expect(new Host({ kernel }).guest().open('testdev').region(1).flags).toBe(READ | WRITE)
  })

  test('T25 the BAR with the MSI-X table says that the table can be mapped, if the BAR can', () => {
    const io = functionOf('nvme').bars!.map((bar) => ({ ...bar, kind: 'io' as const, width: 32 as const }))
    expect(
      new Host({ kernel })
        .guest()
        .open('nvme')
        .region(0)
        .capabilities.map(({ id }) => id),
    ).toEqual([3])
    const host = new Host({ kernel, overrides: { nvme: { bars: io } } })
    expect(host.guest().open('nvme').region(0).capabilities).toEqual([])
  })

  test('the ROM has a size only with an image in it, whether memory is on or not', () => {
    const host = new Host({ kernel })
    const nic = host.guest().open('nic')
    nic.setMemory(false)
    expect(nic.region(REGION.ROM).sizeBytes).toBe(ROM.barBytes)
    expect(host.hardware('nic').readConfig(4, 2) & 2).toBe(0)
    const empty = new Host({ kernel })
    empty.machine.hardware(BDF.nic)!.model.readBar = (_, __, out) => void out.fill(0xff)
    expect(empty.guest().open('nic').region(REGION.ROM)).toMatchObject({ sizeBytes: 0, flags: 0 })
    expect(host.busyLocks()).toEqual([])
  })
})

describe.each(KERNEL_VERSIONS)('argsz on %s', (kernel) => {
  const host = () =>
    new Host({ kernel, providers: [provider('nvme', () => [memoryRegion()])] }).guest().open('nvme')

  test('T24 too short for the capabilities: none is copied, argsz says what is needed', () => {
    const nvme = host()
    const short = ask(nvme, 9, 32)
    expect([short.result, short.argsz, short.cap_offset]).toEqual([0, 48, 0])
    expect(short.flags & CAPS).toBe(CAPS)
    const enough = ask(nvme, 9, 48)
    expect([enough.argsz, enough.cap_offset]).toEqual([48, 32])
    const [type] = readChain(enough.argument, 32)
    expect([type!.id, type!.version, ...type!.body]).toEqual([2, 1, 0x86, 0x80, 0, 0x80, 1, 0, 0, 0])
  })

  test('a struct that is cut short is EINVAL, one that memory cuts short EFAULT', () => {
    const nvme = host()
    expect(failure(() => ask(nvme, 0, 31, 48))).toBe('EINVAL')
    expect(failure(() => ask(nvme, 0, 0, 48))).toBe('EINVAL')
    expect(failure(() => ask(nvme, 0, 32, 31))).toBe('EFAULT')
    expect(failure(() => ask(nvme, 9, 48, 40))).toBe('EFAULT')
    expect(failure(() => nvme.ioctl(DEVICE_IOCTL.DEVICE_GET_REGION_INFO))).toBe('EFAULT')
  })

  test('more room than needed is fine, and is not written', () => {
    const { argument, argsz } = ask(host(), 9, 200)
    expect(argsz).toBe(200)
    expect(argument.subarray(48).every((byte) => byte === 0)).toBe(true)
  })

  test('without capabilities cap_offset is 0 and argsz stays', () => {
    const { argsz, cap_offset, flags } = ask(host(), REGION.CONFIG, 40)
    expect([argsz, cap_offset, flags & CAPS]).toEqual([40, 0, 0])
  })
})
