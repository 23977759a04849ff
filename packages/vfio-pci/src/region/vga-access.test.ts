import type { DeviceModel } from '@vfiokit/hardware'
import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, REGION } from '../fixtures/guest.ts'
import { Host, type HostOptions } from '../fixtures/host.ts'
import { BDF } from '../fixtures/machine.ts'

/** A VGA core that answers with the low byte of each address, and keeps what it was asked. */
function display(options: HostOptions = {}) {
  const accesses: [number, number][] = []
  const host = new Host({
    ...options,
    overrides: { lone: { classCode: 0x030000 } },
    models: [
      (board) =>
        board.identity.bdf === BDF.lone ? vgaModel((...access) => accesses.push(access)) : undefined,
    ],
  })
  return { device: host.guest().open('lone'), accesses }
}

function vgaModel(tell: (address: number, lengthBytes: number) => void): DeviceModel {
  const touch = (address: number, bytes: Uint8Array) => {
    tell(address, bytes.length)
    for (let at = 0; at < bytes.length; at++) bytes[at] = (address + at) & 0xff
  }
  return {
    readBar: (_, __, out) => void out.fill(0),
    writeBar: () => {},
    readVga: touch,
    writeVga: (address, data) => tell(address, data.length),
    reset: () => {},
  }
}

describe('the VGA region', () => {
  test('T23 is there for a VGA function, with the size up to the end of the last window', () => {
    const { device } = display()
    expect(device.region(REGION.VGA)).toMatchObject({ sizeBytes: 0xc0000, flags: 3, capabilities: [] })
  })

  test.each([
    [0xa0000, 4, 4],
    [0xbffff, 1, 1],
    [0xbffff, 2, 1],
    [0x3b0, 1, 1],
    [0x3bb, 4, 1],
    [0x3c0, 32, 32],
    [0x3df, 2, 1],
  ])('0x%s: of %i bytes %i are read', (address, wanted, moved) => {
    const { device } = display()
    device.setMemory(true)
    device.setConfig(4, 2, 3)
    const bytes = device.read(REGION.VGA, address, wanted)
    expect([...bytes]).toEqual(Array.from({ length: moved }, (_, at) => (address + at) & 0xff))
  })

  test.each([0, 0x3af, 0x3bc, 0x3bf, 0x3e0, 0x9ffff, 0xc0000, 0xc0001])('0x%s is in no window', (address) => {
    const { device } = display()
    expect(failure(() => device.read(REGION.VGA, address, 1))).toBe('EINVAL')
    expect(failure(() => device.write(REGION.VGA, address, Uint8Array.of(0)))).toBe('EINVAL')
  })

  test('is reached whatever the user decodes', () => {
    const { device, accesses } = display()
    device.setConfig(4, 2, 0)
    expect(device.read(REGION.VGA, 0xb8000, 4)).toHaveLength(4)
    expect(device.write(REGION.VGA, 0x3c4, Uint8Array.of(0))).toBe(1)
    expect(accesses.every(([address]) => address >= 0x3b0)).toBe(true)
  })

  test.each(KERNEL_VERSIONS)('T21 the widest access of %s', (kernel) => {
    const { device, accesses } = display({ kernel })
    device.setConfig(4, 2, 3)
    device.read(REGION.VGA, 0xb8000, 16)
    const widest = kernel === '6.12' ? 8 : 4
    expect(accesses.map(([, lengthBytes]) => lengthBytes)).toEqual(new Array(16 / widest).fill(widest))
  })

  test('of any other function is EINVAL', () => {
    const edu = new Host().guest().open('edu')
    expect(failure(() => edu.region(REGION.VGA))).toBe('EINVAL')
    expect(failure(() => edu.read(REGION.VGA, 0xa0000, 4))).toBe('EINVAL')
  })
})
