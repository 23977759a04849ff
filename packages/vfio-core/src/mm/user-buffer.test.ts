import { ControlledDriver, ProtocolError, randomSchedule, runLive } from '@vfiokit/locking'
import { copyFromUser, copyToUser, type DeviceCalls, lengthOf, type UserRange } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { CONTROL_REGION, MEMORY_REGION } from '../fixtures/fake-device.ts'
import { machine, now, opened, thrownBy } from '../fixtures/machine.ts'

const PAGE = 0x1000

function twoMapped() {
  const made = machine()
  const calls = made.core.process('p')
  const [d0, d1] = now(opened(calls, ['d0', 'd1'])) as [DeviceCalls, DeviceCalls]
  const address = now(d1.mmap(0, 0, 4 * PAGE))
  return { ...made, calls, d0, d1, address }
}

describe('a buffer in user memory', () => {
  test('takes what is read of a device through the mapping of another, faulting it in', () => {
    const { drivers, d0, address } = twoMapped()
    drivers[0]!.bar.set([1, 2, 3, 4, 5, 6], 0x20)
    const buffer: UserRange = { address: address + PAGE - 2, lengthBytes: 6 }
    expect(lengthOf(buffer)).toBe(6)
    expect(now(d0.read(0, 0x20, buffer))).toBe(6)
    expect([...drivers[1]!.bar.subarray(PAGE - 2, PAGE + 4)]).toEqual([1, 2, 3, 4, 5, 6])
    expect(drivers[1]!.device.presentBarPages).toBe(2)
  })

  test('gives what is written to a device, from its own BAR too', () => {
    const { drivers, d1, address } = twoMapped()
    drivers[1]!.bar.set([7, 8, 9], 0)
    expect(now(d1.write(0, 0x100, { address, lengthBytes: 3 }))).toBe(3)
    expect([...drivers[1]!.bar.subarray(0x100, 0x103)]).toEqual([7, 8, 9])
  })

  test.each([
    ['where nothing is mapped', (address: number) => address - PAGE],
    ['that ends beyond its mapping', (address: number) => address + 4 * PAGE - 2],
  ])('%s is EFAULT', (_where, place) => {
    const { d0, address, core } = twoMapped()
    for (const transfer of [
      d0.read(0, 0, { address: place(address), lengthBytes: 4 }),
      d0.write(0, 0, { address: place(address), lengthBytes: 4 }),
    ])
      expect(thrownBy(() => now(transfer))).toMatchObject({ errno: 'EFAULT', reason: 'bad-address' })
    expect(core.locks.busy()).toEqual([])
  })

  test('that cannot be faulted in is EFAULT, and what came before it was copied', () => {
    const { drivers, calls, d0, d1, address, core } = twoMapped()
    const memory = now(d1.mmap(MEMORY_REGION, 0, PAGE))
    expect(memory).toBe(address + 5 * PAGE)
    now(d1.write(CONTROL_REGION, 0, Uint8Array.of(0)))
    expect(thrownBy(() => now(d0.read(0, 0, { address, lengthBytes: 4 })))).toMatchObject({ errno: 'EFAULT' })
    // Ordinary memory is no matter of the device's memory; behind it is a gap.
    drivers[0]!.bar.fill(5, 0, 8)
    expect(thrownBy(() => now(d0.read(0, 0, { address: memory + PAGE - 4, lengthBytes: 8 })))).toMatchObject({
      errno: 'EFAULT',
    })
    expect([...drivers[1]!.memory.subarray(PAGE - 4, PAGE)]).toEqual([5, 5, 5, 5])
    expect(calls.process.vmas.length).toBe(2)
    expect(core.locks.busy()).toEqual([])
  })

  test('that may not be written is EFAULT for a read, and still good for a write', () => {
    const { calls, d0, address } = twoMapped()
    now(calls.mprotect(address, PAGE, { read: true, write: false, execute: false }))
    expect(thrownBy(() => now(d0.read(0, 0, { address, lengthBytes: 4 })))).toMatchObject({ errno: 'EFAULT' })
    expect(now(d0.write(0, 0, { address, lengthBytes: 4 }))).toBe(4)
  })

  test('that is shorter than the copy is a bug of the driver', () => {
    const { calls, address } = twoMapped()
    for (const buffer of [new Uint8Array(3), { address, lengthBytes: 3 }]) {
      expect(() => now(copyToUser(calls.process, buffer, 0, new Uint8Array(4)))).toThrow(RangeError)
      expect(() => now(copyFromUser(calls.process, buffer, 1, new Uint8Array(3)))).toThrow(RangeError)
      expect(() => now(copyFromUser(calls.process, buffer, -1, new Uint8Array(1)))).toThrow(RangeError)
      now(copyToUser(calls.process, buffer, 1, new Uint8Array(2)))
    }
  })

  test('is copied at its place: bytes too', () => {
    const { calls } = twoMapped()
    const bytes = new Uint8Array(4)
    now(copyToUser(calls.process, bytes, 1, Uint8Array.of(1, 2)))
    expect([...bytes]).toEqual([0, 1, 2, 0])
    const out = new Uint8Array(2)
    now(copyFromUser(calls.process, bytes, 2, out))
    expect([...out]).toEqual([2, 0])
  })
})

describe('a copy that waited for a fault', () => {
  test('goes on through what is mapped then', async () => {
    const { calls, drivers, address } = twoMapped()
    calls.process.mmapLock.tryTake('write')
    const cut = runLive(calls.munmap(address + PAGE, PAGE))
    const buffer = { address: address + 2 * PAGE, lengthBytes: 2 }
    const copied = runLive(copyToUser(calls.process, buffer, 0, Uint8Array.of(8, 9)))
    const lost = runLive(
      copyToUser(calls.process, { address: address + PAGE, lengthBytes: 2 }, 0, new Uint8Array(2)),
    )
    calls.process.mmapLock.drop('write')
    await cut
    await copied
    expect([...drivers[1]!.bar.subarray(2 * PAGE, 2 * PAGE + 2)]).toEqual([8, 9])
    await expect(lost).rejects.toMatchObject({ errno: 'EFAULT' })
  })
})

describe('a copy to user memory under the lock that its fault takes (H3)', () => {
  const readIntoOwnBar = (copiesUnderLock: boolean) => {
    const { drivers, core, d1, address } = twoMapped()
    drivers[1]!.copiesUnderLock = copiesUnderLock
    const driver = new ControlledDriver({ schedule: randomSchedule(1) })
    driver.spawn('read', d1.read(0, 0, { address, lengthBytes: 4 }))
    return { outcome: driver.run(), core }
  }

  test('is reported by the controlled driver, with the lock', () => {
    const { outcome, core } = readIntoOwnBar(true)
    expect(outcome.failures).toHaveLength(1)
    const { error } = outcome.failures[0]!
    expect(error).toBeInstanceOf(ProtocolError)
    expect(error).toMatchObject({
      rule: 'user-copy-under-lock',
      message: expect.stringContaining('memory_lock:d1'),
    })
    expect(core.locks.busy()).toEqual([])
  })

  test('is not there when the driver copies after its access', () => {
    expect(readIntoOwnBar(false).outcome).toMatchObject({ verdict: 'finished', failures: [] })
  })
})
