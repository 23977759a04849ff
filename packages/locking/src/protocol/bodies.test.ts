import {
  accessBody,
  barAccess,
  closeDevice,
  DENIED,
  effect,
  guarded,
  handleFault,
  hotReset,
  openDevice,
  type PowerState,
  Refused,
  record,
  resetFunction,
  runLive,
  type Step,
  setMemoryEnabled,
  setPower,
  suppliedFaultBody,
  type VfioErrno,
} from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { OneDevice } from '../fixtures/one-device.ts'

const answer = <T>(value: T) => effect<T>('answer', [value], () => value)
const boom = () =>
  effect('boom', [], (): never => {
    throw new Error('boom')
  })
const fine = () => answer<VfioErrno | undefined>(undefined)
const refuse = () => answer<VfioErrno | undefined>('EIO')

/** Kinds and objects of the steps of an operation that ran alone. */
function steps(step: Step<unknown>): string[] {
  return record(step).steps.map(({ op }) => `${op.kind} ${op.object}`)
}

describe('a fault', () => {
  test('holds mmap_lock around the read side, tests before it inserts', () => {
    const { mapping } = new OneDevice()
    expect(steps(mapping.touch(2))).toEqual([
      'label touch(m0, 2)',
      'access m0 page 2',
      'acquire mmap_lock:p0 (read)',
      'is-linked m0',
      'acquire lock:d0 (read)',
      'get accessible:d0',
      'insert m0 page 2',
      'release lock:d0 (read)',
      'release mmap_lock:p0 (read)',
      'label touch(m0, 2)',
      'access m0 page 2',
    ])
    expect([...mapping.frames]).toEqual([[2, 2]])
  })

  test('is SIGBUS while memory is off, and inserts nothing', () => {
    const { mapping, device } = new OneDevice()
    device.cells.memoryEnabled.backing.write(false)
    expect(runLive(mapping.touch(2))).toBe('sigbus')
    expect(mapping.presentPages).toBe(0)
  })

  test('is SIGSEGV when munmap came first, and inserts nothing', () => {
    const { mapping } = new OneDevice()
    mapping.isLinked = false
    expect(runLive(mapping.touch(2))).toBe('sigsegv')
    expect(mapping.presentPages).toBe(0)
  })

  test('takes no lock of the strategy for pages that do not follow the memory, and works while it is off', () => {
    const { mapping, device } = new OneDevice()
    mapping.followsMemory = false
    device.cells.memoryEnabled.backing.write(false)
    expect(steps(mapping.touch(1)).filter((step) => step.startsWith('acquire'))).toEqual([
      'acquire mmap_lock:p0 (read)',
    ])
    expect(mapping.presentPages).toBe(1)
  })

  test('uses the page in the step that finds it', () => {
    const { mapping } = new OneDevice()
    const seen: boolean[] = []
    expect(runLive(mapping.touch(0, () => void seen.push(mapping.has(0))))).toBe('nopage')
    expect(seen).toEqual([true])
  })
})

describe('a fault that somebody supplies', () => {
  const supplied = (
    machine: OneDevice,
    pages: number[],
    supply: (page: number) => Step<string | undefined>,
  ) =>
    runLive(
      handleFault(
        machine.strategy,
        machine.device,
        machine.mapping,
        suppliedFaultBody(machine.device, machine.mapping, pages, supply),
      ),
    )

  test('maps the frames that were supplied', () => {
    const machine = new OneDevice()
    expect(supplied(machine, [1, 3], (page) => answer(`frame ${page}`))).toBe('nopage')
    expect([...machine.mapping.frames]).toEqual([
      [1, 'frame 1'],
      [3, 'frame 3'],
    ])
  })

  test('is SIGBUS, and maps nothing at all, when one of them is missing', () => {
    const machine = new OneDevice()
    expect(supplied(machine, [0, 1, 2], (page) => answer(page === 1 ? undefined : 'frame'))).toBe('sigbus')
    expect(machine.mapping.presentPages).toBe(0)
  })

  const two = ['effect answer', 'effect answer', 'insert m0 page 1', 'insert m0 page 3']
  test.each([
    [[1, 3], true, ['get accessible:d0', ...two]],
    [[1, 3], false, two],
    [[1], true, ['get accessible:d0', 'effect answer', 'insert m0 page 1']],
    [[1], false, ['effect answer', 'insert m0 page 1']],
  ])(
    'asks for every frame of pages %j before it inserts one; they follow memory: %s',
    (pages, follows, all) => {
      const { device, mapping } = new OneDevice()
      mapping.followsMemory = follows
      const body = suppliedFaultBody(device, mapping, pages, (page) => answer(`frame ${page}`))
      expect(steps(guarded([], body))).toEqual(all)
    },
  )

  test('asks nobody while memory is off, unless the pages do not follow it', () => {
    const machine = new OneDevice()
    machine.device.cells.memoryEnabled.backing.write(false)
    let asked = 0
    const supply = () => effect('supply', [], () => String(asked++))
    expect([supplied(machine, [0], supply), asked]).toEqual(['sigbus', 0])
    machine.mapping.followsMemory = false
    expect([supplied(machine, [0], supply), asked]).toEqual(['nopage', 1])
  })

  test('releases every lock when the supplier throws', () => {
    const machine = new OneDevice()
    expect(() => supplied(machine, [0], boom)).toThrow('boom')
    expect([machine.lock.isIdle, machine.process.mmapLock.isIdle]).toEqual([true, true])
  })
})

describe('an access of the kernel', () => {
  test('is denied while memory is off', () => {
    const { strategy, device } = new OneDevice()
    let touched = 0
    const read = () =>
      runLive(
        guarded(
          strategy.readSide(device),
          accessBody(device, barAccess(device), () => void touched++),
        ),
      )
    expect([read(), touched]).toEqual([undefined, 1])
    device.cells.memoryEnabled.backing.write(false)
    expect([read(), touched]).toEqual([DENIED, 1])
  })
})

describe('memory enable', () => {
  test('off zaps before it writes, with the readers excluded; on zaps nothing', () => {
    const { strategy, device, mapping } = new OneDevice()
    mapping.insert('all')
    expect(steps(setMemoryEnabled(strategy, device, false, fine))).toEqual([
      'acquire lock:d0 (write)',
      'zap space:d0',
      'effect answer',
      'set memory:d0 := false',
      'release lock:d0 (write)',
    ])
    expect(steps(setMemoryEnabled(strategy, device, true, fine))).not.toContain('zap space:d0')
    expect(mapping.presentPages).toBe(0)
    expect(device.cells.memoryEnabled.peek()).toBe(true)
  })

  test('stays as it was when the write fails', () => {
    const { strategy, device, lock } = new OneDevice()
    expect(runLive(setMemoryEnabled(strategy, device, false, refuse))).toBe('EIO')
    expect(() => runLive(setMemoryEnabled(strategy, device, false, boom))).toThrow('boom')
    expect([device.cells.memoryEnabled.peek(), lock.isIdle]).toEqual([true, true])
  })
})

describe('a power change', () => {
  test.each<[PowerState, boolean]>([
    ['D0', false],
    ['D1', false],
    ['D2', false],
    ['D3hot', true],
  ])('to %s zaps: %s', (state, zaps) => {
    const { strategy, device } = new OneDevice()
    expect(steps(setPower(strategy, device, state, () => answer(state))).includes('zap space:d0')).toBe(zaps)
    expect(device.cells.power.peek()).toBe(state)
  })

  test('ends in the state that was reached', () => {
    const { strategy, device } = new OneDevice()
    expect(runLive(setPower(strategy, device, 'D3hot', () => answer<PowerState>('D0')))).toBe('D0')
    expect(device.cells.power.peek()).toBe('D0')
  })
})

describe('a function reset', () => {
  test('powers up and says that a reset runs only while it does', () => {
    const { strategy, device, mapping } = new OneDevice()
    mapping.insert(0)
    device.cells.power.backing.write('D3hot')
    const during = () =>
      effect('look', [], () => {
        expect([device.cells.inReset.peek(), device.cells.power.peek(), mapping.presentPages]).toEqual([
          true,
          'D0',
          0,
        ])
        return undefined
      })
    expect(runLive(resetFunction(strategy, device, during))).toBeUndefined()
    expect(device.cells.inReset.peek()).toBe(false)
  })

  test('that fails leaves the function usable', () => {
    const { strategy, device, lock, mapping } = new OneDevice()
    expect(runLive(resetFunction(strategy, device, refuse))).toBe('EIO')
    expect(() => runLive(resetFunction(strategy, device, boom))).toThrow('boom')
    expect([device.cells.inReset.peek(), lock.isIdle, runLive(mapping.touch(0))]).toEqual([
      false,
      true,
      'nopage',
    ])
  })
})

describe('a hot reset', () => {
  const reset = (
    machine: OneDevice,
    admit: () => Step<VfioErrno | undefined>,
    body: () => Step<VfioErrno | undefined>,
  ) => hotReset(machine.strategy, machine.device.set, [{ device: machine.device, admit }], body)

  test('answers with the errno of the reset, and ends the reset in any case', () => {
    const machine = new OneDevice()
    const { inReset } = machine.device.cells
    expect([runLive(reset(machine, fine, refuse)), inReset.peek()]).toEqual(['EIO', false])
    expect(() => runLive(reset(machine, fine, boom))).toThrow('boom')
    expect([inReset.peek(), machine.lock.isIdle]).toEqual([false, true])
  })

  test('powers every member up', () => {
    const machine = new OneDevice()
    machine.device.cells.power.backing.write('D3hot')
    expect(runLive(reset(machine, fine, fine))).toBeUndefined()
    expect(machine.device.cells.power.peek()).toBe('D0')
  })

  test("is refused without a reset when a member is not the caller's or is contended", () => {
    const machine = new OneDevice()
    expect(runLive(reset(machine, () => answer<VfioErrno>('EINVAL'), boom))).toEqual(new Refused('EINVAL'))
    machine.lock.tryTake('read')
    expect(runLive(reset(machine, fine, boom))).toEqual(new Refused('EBUSY'))
  })
})

describe('open and close', () => {
  test('enable at the first open and disable at the last close, with the count up in both', () => {
    const { strategy, device } = new OneDevice()
    const seen: string[] = []
    const note = (what: string) => () =>
      effect(what, [], () => {
        seen.push(`${what} at ${device.cells.openCount.peek()}`)
        return undefined
      })
    for (const _ of [1, 2, 3]) expect(runLive(openDevice(strategy, device, note('enable')))).toBeUndefined()
    expect(device.cells.openCount.peek()).toBe(3)
    for (const _ of [1, 2, 3]) runLive(closeDevice(strategy, device, note('disable')))
    expect(seen).toEqual(['enable at 1', 'disable at 1'])
    expect(device.cells.openCount.peek()).toBe(0)
  })

  test('leave the count at zero when enable fails', () => {
    const { strategy, device } = new OneDevice()
    expect(runLive(openDevice(strategy, device, refuse))).toBe('EIO')
    expect(() => runLive(openDevice(strategy, device, boom))).toThrow('boom')
    expect(device.cells.openCount.peek()).toBe(0)
  })

  test('close even if disable throws, but never more often than was opened', () => {
    const { strategy, device } = new OneDevice()
    runLive(openDevice(strategy, device, fine))
    expect(() => runLive(closeDevice(strategy, device, boom))).toThrow('boom')
    expect(device.cells.openCount.peek()).toBe(0)
    expect(() => runLive(closeDevice(strategy, device, boom))).toThrow(
      new TypeError('d0 is closed more often than it was opened'),
    )
    expect(device.cells.openCount.peek()).toBe(0)
  })
})
