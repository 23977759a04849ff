import { copyFromUser, copyToUser, PAGE_SIZE_BYTES, type UserRange, VfioSignal } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { machine, now, RW, thrownBy } from '../fixtures/machine.ts'

const READ = { read: true, write: false, execute: false } as const

function mapped(pages = 4) {
  const { core, host } = machine()
  const calls = core.process('p')
  const live = host.of(calls)
  const request = {
    anonymous: true,
    lengthBytes: pages * PAGE_SIZE_BYTES,
    protection: RW,
    shared: false,
  } as const
  const address = now(calls.mmap(request))
  const load = (at: number, process = live) => {
    const out = new Uint8Array(1)
    expect(process.load(address + at, out)).toBe(undefined)
    return out[0]
  }
  return { calls, live, host, address, request, load }
}

describe('anonymous memory', () => {
  test('is zero at first, and keeps what is stored', () => {
    const { live, address, load } = mapped()
    expect(load(PAGE_SIZE_BYTES)).toBe(0)
    live.store(address + PAGE_SIZE_BYTES, Uint8Array.of(7))
    expect([load(PAGE_SIZE_BYTES), load(0)]).toEqual([7, 0])
  })

  test('is user memory: system calls copy to and from it across pages', () => {
    const { calls, address } = mapped()
    const range: UserRange = { address: address + PAGE_SIZE_BYTES - 2, lengthBytes: 4 }
    now(copyToUser(calls.process, range, 0, Uint8Array.of(1, 2, 3, 4)))
    const out = new Uint8Array(4)
    now(copyFromUser(calls.process, range, 0, out))
    expect([...out]).toEqual([1, 2, 3, 4])
    const beyond = { address: address + 4 * PAGE_SIZE_BYTES - 1, lengthBytes: 2 }
    expect(thrownBy(() => now(copyFromUser(calls.process, beyond, 0, new Uint8Array(2))))).toMatchObject({
      errno: 'EFAULT',
    })
  })

  test('obeys its protection, page by page after an mprotect', () => {
    const { calls, live, address, load } = mapped()
    now(calls.mprotect(address + PAGE_SIZE_BYTES, PAGE_SIZE_BYTES, READ))
    expect(
      VfioSignal.is(
        thrownBy(() => live.store(address + PAGE_SIZE_BYTES, Uint8Array.of(1))),
        'SIGSEGV',
      ),
    ).toBe(true)
    live.store(address + 2 * PAGE_SIZE_BYTES, Uint8Array.of(1))
    expect([load(PAGE_SIZE_BYTES), load(2 * PAGE_SIZE_BYTES)]).toEqual([0, 1])
  })

  test('a hole made by munmap is a hole; what is around it stays', () => {
    const { calls, live, address, load } = mapped()
    live.store(address + 3 * PAGE_SIZE_BYTES, Uint8Array.of(9))
    now(calls.munmap(address + PAGE_SIZE_BYTES, PAGE_SIZE_BYTES))
    expect(
      VfioSignal.is(
        thrownBy(() => load(PAGE_SIZE_BYTES)),
        'SIGSEGV',
      ),
    ).toBe(true)
    expect([load(0), load(3 * PAGE_SIZE_BYTES)]).toEqual([0, 9])
    now(calls.exit())
    expect(calls.process.memory.all).toEqual([])
  })

  test('a child has a copy of private memory, and the same shared memory', () => {
    const { calls, live, host, address, request, load } = mapped()
    const shared = now(calls.mmap({ ...request, shared: true }))
    live.store(address, Uint8Array.of(5))
    const child = host.of(now(calls.fork('child')))
    live.store(address, Uint8Array.of(6))
    live.store(shared, Uint8Array.of(8))
    expect([load(0, child), load(0), load(shared - address, child)]).toEqual([5, 6, 8])
  })

  test('a length of 0 is refused', () => {
    const { calls, request } = mapped()
    expect(thrownBy(() => now(calls.mmap({ ...request, lengthBytes: 0 })))).toMatchObject({ errno: 'EINVAL' })
  })
})
