import { ConfigSpace } from '@vfiokit/topology'
import {
  DEVICE_IOCTL,
  IRQ_FLAGS,
  IRQ_SET,
  IRQ_SET_ACTION,
  KERNEL_VERSIONS,
  PCI_IRQ,
} from '@vfiokit/vfio-core'
import { describe, expect, test, vi } from 'vitest'
import { failure, now } from '../fixtures/guest.ts'
import { InterruptingGuest } from '../fixtures/interrupting-guest.ts'
import { AT, type FunctionName, functionOf, NVME_MSIX } from '../fixtures/machine.ts'

const { MASK, UNMASK, TRIGGER } = IRQ_SET_ACTION
const { INTX, MSI, MSIX, ERR, REQ } = PCI_IRQ
const COMMAND = 4
const DISABLED = 0x400
const kernels = KERNEL_VERSIONS
const newer = kernels.filter((kernel) => kernel === '6.12' || kernel === '7.2')
const older = kernels.filter((kernel) => kernel === '5.10' || kernel === '6.1')

/** nic with so many MSI vectors (as a power of two) instead of one. */
function withVectors(log2: number) {
  const bytes = functionOf('nic').config!.bytes.slice()
  bytes[AT.nicMsi + 2]! |= log2 << 1
  return { overrides: { nic: { config: new ConfigSpace(bytes) } } }
}

describe.each(kernels)('interrupts on %s', (kernel) => {
  const open = (name: FunctionName) => new InterruptingGuest(name, { kernel })

  test('are counted by what the function has', () => {
    const counts = (name: FunctionName) =>
      [INTX, MSI, MSIX, REQ].map((index) => now(open(name).device.calls.interruptInfo(index)).count)
    expect(counts('nvme')).toEqual([1, 0, 65, 1])
    expect(counts('nic')).toEqual([1, 1, 5, 1])
    expect(counts('vf')).toEqual([0, 0, 0, 1])
  })

  test('an error interrupt exists only of PCI Express functions; behind REQ there is nothing', () => {
    const info = (name: FunctionName, index: number) =>
      failure(() => now(open(name).device.calls.interruptInfo(index)))
    expect([info('nvme', ERR), info('edu', ERR), info('nvme', 5)]).toEqual([undefined, 'EINVAL', 'EINVAL'])
    expect(failure(() => open('edu').trigger(ERR, { fds: [-1] }))).toBe('EINVAL')
  })

  test('T26 INTx is refused while MSI is on, and no kind replaces another', () => {
    const guest = open('nic')
    for (const [on, others] of [
      [MSI, [INTX, MSIX]],
      [INTX, [MSI, MSIX]],
      [MSIX, [INTX, MSI]],
    ] as const) {
      guest.enable(on)
      for (const other of others) expect(failure(() => guest.enable(other))).toBe('EINVAL')
      guest.trigger(on, 0)
    }
  })

  test('T27 eight vectors of MSI where four are left: 4, and nothing is on', () => {
    const guest = new InterruptingGuest('nic', { kernel, ...withVectors(3) })
    const { interruptController } = guest.host.machine
    const allocate = interruptController.allocate.bind(interruptController)
    vi.spyOn(interruptController, 'allocate').mockImplementation((handler, count = 1) => {
      if (count > 4) throw new RangeError('every interrupt message is taken')
      return allocate(handler, count)
    })
    const fds = Array.from({ length: 8 }, () => guest.eventfd())
    expect(guest.trigger(MSI, { fds })).toBe(4)
    expect(guest.register(AT.nicMsi + 2) & 1).toBe(0)
    expect(failure(() => guest.trigger(MSI, 1))).toBe('EINVAL')
    expect(guest.trigger(MSI, { fds: fds.slice(4) })).toBe(0)
  })

  test('T28 MSI-X is not masked by ioctl, INTx not by an eventfd', () => {
    const guest = open('nvme')
    guest.enable(MSIX)
    for (const action of [MASK, UNMASK])
      expect(failure(() => guest.set({ index: MSIX, action, data: 1 }))).toBe('ENOTTY')
    guest.trigger(MSIX, 0)
    guest.enable(INTX)
    const byEvent = { index: INTX, action: MASK, data: { fds: [guest.eventfd()] } }
    expect(failure(() => guest.set(byEvent))).toBe('ENOTTY')
  })

  test('T29 even turning off is refused of an index that has none', () => {
    const guest = open('vf')
    for (const index of [INTX, MSI, MSIX]) expect(failure(() => guest.trigger(index, 0))).toBe('EINVAL')
  })

  test('T30 a second eventfd that unmasks INTx is busy, until the first is taken back or closed', () => {
    const guest = open('edu')
    guest.enable(INTX)
    const unmask = (fd: number) =>
      failure(() => guest.set({ index: INTX, action: UNMASK, data: { fds: [fd] } }))
    const fd = guest.eventfd()
    expect([unmask(999), unmask(0), unmask(fd), unmask(guest.eventfd())]).toEqual([
      'EBADF',
      'EINVAL',
      undefined,
      'EBUSY',
    ])
    expect([unmask(-1), unmask(fd)]).toEqual([undefined, undefined])
    now(guest.device.guest.calls.close(fd))
    expect(unmask(guest.eventfd())).toBeUndefined()
  })

  test('T31 the interrupt-disable bit holds INTx back; when it goes, what is pending comes', () => {
    const guest = open('edu')
    const [fd] = guest.enable(INTX) as [number]
    guest.device.setConfig(COMMAND, 2, 0x0006 | DISABLED)
    guest.board.setIntx(true)
    guest.trigger(INTX, 1)
    expect(guest.heard(fd)).toBe(0)
    guest.device.setConfig(COMMAND, 2, 0x0006)
    expect(guest.heard(fd)).toBe(1)
    expect(guest.register(COMMAND) & DISABLED).toBe(DISABLED)
    expect(guest.device.config(COMMAND, 2) & DISABLED).toBe(0)
  })

  test('INTx comes once for each unmask, as long as the device asks', () => {
    const guest = open('edu')
    const [fd] = guest.enable(INTX) as [number]
    const unmask = () => guest.set({ index: INTX, action: UNMASK, data: 1 })
    guest.board.setIntx(true)
    guest.board.setIntx(false)
    guest.board.setIntx(true)
    expect(guest.heard(fd)).toBe(1)
    unmask()
    expect(guest.heard(fd)).toBe(1)
    guest.board.setIntx(false)
    unmask()
    expect([guest.heard(fd), guest.register(COMMAND) & DISABLED]).toEqual([0, 0])
    guest.set({ index: INTX, action: MASK, data: { choices: [true] } })
    guest.board.setIntx(true)
    expect(guest.heard(fd)).toBe(0)
  })

  test('INTx is unmasked by its eventfd', () => {
    const guest = open('edu')
    const [fd] = guest.enable(INTX) as [number]
    const unmask = guest.eventfd()
    guest.set({ index: INTX, action: UNMASK, data: { fds: [unmask] } })
    guest.board.setIntx(true)
    expect(guest.heard(fd)).toBe(1)
    guest.signal(unmask)
    expect(guest.heard(fd)).toBe(1)
    expect(guest.heard(unmask)).toBe(kernel === '5.10' ? 1 : 0)
  })

  test('a message goes to the eventfd of its vector, while the function is bus master', () => {
    const guest = open('nvme')
    const fds = guest.enable(MSIX, 3)
    guest.board.sendMessage(1)
    guest.board.sendMessage(1)
    guest.board.sendMessage(2)
    expect(fds.map((fd) => guest.heard(fd))).toEqual([0, 2, 1])
    guest.device.setConfig(COMMAND, 2, 0x0002)
    guest.board.sendMessage(0)
    expect(guest.heard(fds[0]!)).toBe(0)
  })

  test('a vector without eventfd is masked, and rings when it gets one', () => {
    const guest = open('nvme')
    const [fd] = guest.enable(MSIX, 2) as [number, number]
    guest.trigger(MSIX, { fds: [-1] })
    guest.board.sendMessage(0)
    expect(guest.heard(fd)).toBe(0)
    guest.trigger(MSIX, { fds: [fd] })
    expect(guest.heard(fd)).toBe(1)
  })

  test('of a block that fails, what came before has no eventfd any more, and what comes behind keeps its own', () => {
    const guest = open('nvme')
    const fds = guest.enable(MSIX, 3)
    expect(failure(() => guest.trigger(MSIX, { fds: [fds[0]!, 999, fds[2]!] }))).toBe('EBADF')
    guest.trigger(MSIX, 3)
    expect(fds.map((fd) => guest.heard(fd))).toEqual([0, 0, 1])
  })

  test('enabling no vector is ERANGE; outside D0 it is EINVAL', () => {
    const guest = open('nvme')
    expect(failure(() => guest.trigger(MSIX, { fds: [] }))).toBe('ERANGE')
    guest.device.setConfig(AT.nvmePm + 4, 2, 3)
    expect(failure(() => guest.enable(MSIX))).toBe('EINVAL')
  })

  test('MSI rings by vector, and masks are of the hardware', () => {
    const guest = new InterruptingGuest('nic', { kernel, ...withVectors(2) })
    const fds = guest.enable(MSI, 3)
    expect((guest.register(AT.nicMsi + 2) >> 4) & 7).toBe(2)
    guest.board.sendMessage(2)
    expect(fds.map((fd) => guest.heard(fd))).toEqual([0, 0, 1])
    guest.device.setConfig(AT.nicMsi + 2, 2, 0)
    expect(guest.board.sendMessage(0)).toBe(false)
    guest.device.setConfig(AT.nicMsi + 2, 2, 0x0021)
    guest.board.sendMessage(0)
    expect(guest.heard(fds[0]!)).toBe(1)
  })

  test('vectors of MSI-X survive a reset, whatever the user wrote over them', () => {
    const guest = open('nvme')
    const fds = guest.enable(MSIX, 2)
    const table = guest.device.map(0, NVME_MSIX.offset)
    const data = table.load(8)
    table.store(8, 0x1234)
    guest.device.reset()
    guest.device.setConfig(COMMAND, 2, 0x0006)
    expect([table.load(8), table.load(12), table.load(0x2c)]).toEqual([data, 0, 1])
    guest.board.sendMessage(1)
    expect(guest.heard(fds[1]!)).toBe(1)
    guest.trigger(MSIX, 0)
    expect([table.load(0), table.load(8), table.load(12)]).toEqual([0, 0, 1])
  })

  test('T70 MSI-X is turned on while memory is off, and memory stays off', () => {
    const guest = open('nvme')
    guest.device.setMemory(false)
    const map = guest.device.map(0)
    const [fd] = guest.enable(MSIX) as [number]
    expect(guest.register(COMMAND) & 2).toBe(0)
    expect(failure(() => map.load())).toBe('SIGBUS')
    guest.device.setConfig(COMMAND, 2, 0x0006)
    guest.board.sendMessage(0)
    expect(guest.heard(fd)).toBe(1)
  })

  test('T60 who unbinds it waits for the last close, and REQ asks for that every ten seconds', async () => {
    const guest = open('edu')
    const fd = guest.eventfd()
    guest.trigger(REQ, { fds: [fd] })
    const { bus, machine } = guest.host
    const { bdf } = guest.board.identity
    let isGone = false
    const gone = Promise.resolve(bus.unbind(bdf)).then(() => {
      isGone = true
    })
    expect(guest.heard(fd)).toBe(1)
    machine.clock.advance(9_999)
    expect(guest.heard(fd)).toBe(0)
    machine.clock.advance(10_001)
    expect(guest.heard(fd)).toBe(2)
    expect(failure(() => guest.host.guest('vm1').open('edu'))).toBe('ENODEV')
    await Promise.resolve()
    expect([isGone, bus.driver(bdf)]).toEqual([false, 'vfio-pci'])
    guest.device.close()
    await gone
    machine.clock.advance(60_000)
    expect([guest.heard(fd), bus.driver(bdf)]).toEqual([0, undefined])
    expect(failure(() => bus.unbind(bdf))).toBe('ENODEV')
  })

  test('T61 a mapping keeps it from going, whatever became of the file', async () => {
    const guest = open('edu')
    const { bus } = guest.host
    const { bdf } = guest.board.identity
    const mapping = guest.device.map(0)
    guest.device.close()
    const gone = bus.unbind(bdf)
    expect(bus.unbind(bdf)).toBe(gone)
    expect(bus.driver(bdf)).toBe('vfio-pci')
    mapping.unmap()
    await gone
    expect(bus.driver(bdf)).toBeUndefined()
  })

  test('ERR and REQ have one place, signalled and cleared without data', () => {
    const guest = open('nvme')
    for (const index of [ERR, REQ]) {
      expect(failure(() => guest.trigger(index, 1))).toBe('EINVAL')
      const [fd] = guest.enable(index) as [number]
      guest.trigger(index, 1)
      guest.trigger(index, { choices: [true] })
      guest.trigger(index, { choices: [false] })
      expect(guest.heard(fd)).toBe(2)
      expect(failure(() => guest.set({ index, action: MASK, data: 1 }))).toBe('ENOTTY')
      expect(failure(() => guest.trigger(index, { choices: [] }))).toBe('EINVAL')
      expect(failure(() => guest.trigger(index, { fds: [-2] }))).toBe(kernel === '7.2' ? 'EINVAL' : undefined)
      guest.trigger(index, 0)
      expect(failure(() => guest.trigger(index, 0))).toBe('EINVAL')
    }
  })

  test('the last close turns everything off', () => {
    const guest = open('nvme')
    const [fd] = guest.enable(MSIX) as [number]
    guest.device.close()
    expect(guest.register(AT.nvmeMsix + 2) & 0x8000).toBe(0)
    expect(guest.board.sendMessage(0)).toBe(false)
    expect([guest.heard(fd), guest.host.busyLocks()]).toEqual([0, []])
  })

  test.each([
    ['short argsz', { argsz: 19 }, 'EINVAL'],
    ['an index too many', { index: 5 }, 'EINVAL'],
    ['a start that wraps', { start: 1, count: 0xffff_ffff }, 'EINVAL'],
    ['an unknown flag', { flags: 0x61 }, 'EINVAL'],
    ['no kind of data', { flags: TRIGGER }, 'EINVAL'],
    ['two kinds of data', { flags: TRIGGER | 3 }, 'EINVAL'],
    ['no action', { flags: 1 }, 'ENOTTY'],
    ['two actions', { flags: 1 | TRIGGER | MASK }, 'ENOTTY'],
    ['data beyond argsz', { flags: TRIGGER | 4, argsz: 23 }, 'EINVAL'],
    ['data beyond the buffer', { flags: TRIGGER | 4, argsz: 24 }, 'EFAULT'],
  ] as const)('%s', (_what, fields, errno) => {
    const device = open('nvme').device
    const argument = IRQ_SET.encode({
      argsz: 20,
      flags: 1 | TRIGGER,
      index: 0,
      start: 0,
      count: 1,
      ...fields,
    })
    expect(failure(() => device.ioctl(DEVICE_IOCTL.DEVICE_SET_IRQS, argument))).toBe(errno)
  })
})

test.each(newer)('more vectors of MSI-X can be had while some are on (%s)', (kernel) => {
  const guest = new InterruptingGuest('nvme', { kernel })
  expect(now(guest.device.calls.interruptInfo(MSIX)).flags & IRQ_FLAGS.NORESIZE).toBe(0)
  guest.enable(MSIX)
  const fd = guest.eventfd()
  guest.trigger(MSIX, { fds: [fd] }, 64)
  guest.board.sendMessage(64)
  expect(guest.heard(fd)).toBe(1)
  expect(failure(() => guest.trigger(MSIX, 3, 7))).toBeUndefined()
})

test.each(older)('vectors behind those that are on are refused (%s)', (kernel) => {
  const guest = new InterruptingGuest('nvme', { kernel })
  expect(now(guest.device.calls.interruptInfo(MSIX)).flags & IRQ_FLAGS.NORESIZE).toBe(IRQ_FLAGS.NORESIZE)
  const [fd] = guest.enable(MSIX) as [number]
  expect(failure(() => guest.trigger(MSIX, { fds: [fd, fd] }))).toBe('EINVAL')
  expect(failure(() => guest.trigger(MSIX, 2))).toBe('EINVAL')
  guest.trigger(MSIX, 1)
  expect(guest.heard(fd)).toBe(1)
})
