import { IRQ_SET_FLAGS, KERNEL_VERSIONS, PCI_IRQ } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { Desk } from '../fixtures/desk.ts'
import { failure } from '../fixtures/guest.ts'
import { AT } from '../fixtures/machine.ts'

const { DATA_NONE, DATA_BOOL, DATA_EVENTFD, ACTION_MASK, ACTION_UNMASK, ACTION_TRIGGER } = IRQ_SET_FLAGS

describe.each(KERNEL_VERSIONS)('on %s', (kernel) => {
  test('information says what there is, and that MSI-X grows where it does', () => {
    const nvme = new Desk('nvme', kernel)
    expect(nvme.info(PCI_IRQ.MSI)).toEqual({ flags: 9, count: 0 })
    expect(nvme.info(PCI_IRQ.MSIX)).toEqual({
      flags: kernel === '5.10' || kernel === '6.1' ? 9 : 1,
      count: 65,
    })
    expect(nvme.info(PCI_IRQ.REQ)).toEqual({ flags: 9, count: 1 })
    expect(nvme.info(PCI_IRQ.ERR)).toEqual({ flags: 9, count: 1 })
    expect(failure(() => nvme.info(5))).toBe('EINVAL')
    expect(failure(() => new Desk('edu', kernel).info(PCI_IRQ.ERR))).toBe('EINVAL')
  })

  test('T26 one kind excludes the others until it is disabled', () => {
    const nic = new Desk('nic', kernel)
    nic.enable(PCI_IRQ.MSI)
    expect(failure(() => nic.enable(PCI_IRQ.MSIX))).toBe('EINVAL')
    nic.set(PCI_IRQ.MSI, DATA_NONE | ACTION_TRIGGER, 0, 0)
    nic.enable(PCI_IRQ.MSIX)
  })

  test('T28 what has no action answers ENOTTY', () => {
    const nvme = new Desk('nvme', kernel)
    nvme.enable(PCI_IRQ.MSIX)
    expect(failure(() => nvme.set(PCI_IRQ.MSIX, DATA_NONE | ACTION_MASK, 0, 1))).toBe('ENOTTY')
    expect(failure(() => nvme.set(PCI_IRQ.REQ, DATA_NONE | ACTION_UNMASK, 0, 1))).toBe('ENOTTY')
  })

  test('T29 a disable of what has no interrupts is refused', () => {
    const nvme = new Desk('nvme', kernel)
    expect(failure(() => nvme.set(PCI_IRQ.MSI, DATA_NONE | ACTION_TRIGGER, 0, 0))).toBe('EINVAL')
  })

  test('MSI-X: messages reach the eventfd of their vector, masked ones nobody', () => {
    const nvme = new Desk('nvme', kernel)
    nvme.device.setConfig(4, 2, 0x0006)
    const [one, two] = nvme.enable(PCI_IRQ.MSIX, 0, nvme.eventfd(), nvme.eventfd(), -1)
    nvme.board.sendMessage(1)
    nvme.board.sendMessage(2)
    expect([nvme.count(one!), nvme.count(two!)]).toEqual([0, 1])
    nvme.set(PCI_IRQ.MSIX, DATA_BOOL | ACTION_TRIGGER, 0, 2, 1, 0)
    expect([nvme.count(one!), nvme.count(two!)]).toEqual([1, 0])
    const more = () => nvme.enable(PCI_IRQ.MSIX, 10)
    expect(failure(more)).toBe(kernel === '5.10' || kernel === '6.1' ? 'EINVAL' : undefined)
  })

  test('a descriptor that is none leaves its block without triggers', () => {
    const nvme = new Desk('nvme', kernel)
    const [fd] = nvme.enable(PCI_IRQ.MSIX)
    expect(failure(() => nvme.enable(PCI_IRQ.MSIX, 0, 9999))).toBe('EBADF')
    expect(failure(() => nvme.enable(PCI_IRQ.MSIX, 0, 0))).toBe('EINVAL')
    nvme.set(PCI_IRQ.MSIX, DATA_NONE | ACTION_TRIGGER, 0, 1)
    expect(nvme.count(fd!)).toBe(0)
  })

  test('T70 with memory off messages are programmed all the same, and memory is off afterwards', () => {
    const nvme = new Desk('nvme', kernel)
    nvme.device.setMemory(false)
    nvme.enable(PCI_IRQ.MSIX)
    expect(nvme.device.config(4, 2) & 2).toBe(0)
    expect(nvme.device.config(AT.nvmeMsix + 2, 2) & 0x8000).toBe(0x8000)
    expect(failure(() => nvme.device.read(0, 0, 4))).toBe('EIO')
  })

  test('T60 the request to let go, and errors, are signalled by loopback', () => {
    const nvme = new Desk('nvme', kernel)
    for (const index of [PCI_IRQ.ERR, PCI_IRQ.REQ]) {
      expect(failure(() => nvme.set(index, DATA_NONE | ACTION_TRIGGER, 0, 1))).toBe('EINVAL')
      const [fd] = nvme.enable(index)
      nvme.set(index, DATA_NONE | ACTION_TRIGGER, 0, 1)
      expect(nvme.count(fd!)).toBe(1)
      nvme.set(index, DATA_EVENTFD | ACTION_TRIGGER, 0, 1, -1)
      expect(failure(() => nvme.set(index, DATA_NONE | ACTION_TRIGGER, 0, 0))).toBe('EINVAL')
    }
  })
})
