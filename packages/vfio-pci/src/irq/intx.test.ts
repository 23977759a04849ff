import { IRQ_SET_FLAGS, KERNEL_VERSIONS, PCI_IRQ } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { Desk } from '../fixtures/desk.ts'
import { failure } from '../fixtures/guest.ts'

const { DATA_NONE, DATA_EVENTFD, ACTION_MASK, ACTION_UNMASK, ACTION_TRIGGER } = IRQ_SET_FLAGS
const INTX_DISABLE = 0x0400

describe.each(KERNEL_VERSIONS)('INTx on %s', (kernel) => {
  const enabled = () => {
    const edu = new Desk('edu', kernel)
    const [fd] = edu.enable(PCI_IRQ.INTX)
    const act = (flags: number, ...data: number[]) => edu.set(PCI_IRQ.INTX, flags, 0, 1, ...data)
    return { edu, fd: fd!, act }
  }

  test('comes once and is masked until it is unmasked; still up, it comes again', () => {
    const { edu, fd, act } = enabled()
    edu.board.setIntx(true)
    expect(edu.count(fd)).toBe(1)
    act(DATA_NONE | ACTION_UNMASK)
    expect(edu.count(fd)).toBe(1)
    edu.board.setIntx(false)
    act(DATA_NONE | ACTION_UNMASK)
    expect(edu.count(fd)).toBe(0)
    edu.board.setIntx(true)
    expect(edu.count(fd)).toBe(1)
  })

  test('T28 cannot be masked by an eventfd', () => {
    const { edu, act } = enabled()
    expect(failure(() => act(DATA_EVENTFD | ACTION_MASK, edu.eventfd()))).toBe('ENOTTY')
  })

  test('T30 one eventfd unmasks it, and no second one', () => {
    const { edu, fd, act } = enabled()
    const unmask = edu.eventfd()
    act(DATA_EVENTFD | ACTION_UNMASK, unmask)
    expect(failure(() => act(DATA_EVENTFD | ACTION_UNMASK, edu.eventfd()))).toBe('EBUSY')
    edu.board.setIntx(true)
    edu.board.setIntx(false)
    expect(edu.count(fd)).toBe(1)
    edu.ring(unmask)
    edu.board.setIntx(true)
    expect(edu.count(fd)).toBe(1)
    expect(edu.count(unmask)).toBe(0)
    act(DATA_EVENTFD | ACTION_UNMASK, -1)
    act(DATA_EVENTFD | ACTION_UNMASK, edu.eventfd())
  })

  test('T31 the disable bit of the command register holds it back, and lets it go', () => {
    const { edu, fd } = enabled()
    edu.device.setConfig(4, 2, INTX_DISABLE | 2)
    edu.board.setIntx(true)
    expect(edu.count(fd)).toBe(0)
    edu.device.setConfig(4, 2, 2)
    expect(edu.count(fd)).toBe(1)
  })

  test('a loopback trigger tells, unless the disable bit is set; when disabled it is refused', () => {
    const { edu, fd, act } = enabled()
    act(DATA_NONE | ACTION_TRIGGER)
    expect(edu.count(fd)).toBe(1)
    edu.device.setConfig(4, 2, INTX_DISABLE | 2)
    act(DATA_NONE | ACTION_TRIGGER)
    expect(edu.count(fd)).toBe(0)
    edu.set(PCI_IRQ.INTX, DATA_NONE | ACTION_TRIGGER, 0, 0)
    expect(failure(() => act(DATA_NONE | ACTION_TRIGGER))).toBe('EINVAL')
  })

  test('at last close it is nobody’s', () => {
    const { edu, fd } = enabled()
    edu.device.close()
    edu.board.setIntx(true)
    expect(edu.count(fd)).toBe(0)
    expect(edu.host.busyLocks()).toEqual([])
  })
})
