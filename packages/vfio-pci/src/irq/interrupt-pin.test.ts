import { IRQ_SET_ACTION, KERNEL_VERSIONS, PCI_IRQ } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, now } from '../fixtures/guest.ts'
import { InterruptingGuest } from '../fixtures/interrupting-guest.ts'

const { INTX } = PCI_IRQ
const COMMAND = 4
const DISABLED = 0x400
const INTERRUPT_PIN = 0x3d

/** nic as an Intel X710, whose pin nothing can mask. */
const X710 = { overrides: { nic: { deviceId: 0x1572 } } }

describe.each(KERNEL_VERSIONS)(
  'fact 3.4: a function of the list of pins that are not used, on %s',
  (kernel) => {
    test('shows no pin and has no INTx', () => {
      const guest = new InterruptingGuest('nic', { kernel, ...X710 })
      expect(guest.device.config(INTERRUPT_PIN, 1)).toBe(0)
      expect(now(guest.device.calls.interruptInfo(INTX)).count).toBe(0)
      expect(failure(() => guest.enable(INTX))).toBe('EINVAL')
    })

    test('has its pin disabled in hardware, also after a reset behind the back of vfio', () => {
      const guest = new InterruptingGuest('nic', { kernel, ...X710 })
      const isDisabled = () => (guest.register(COMMAND) & DISABLED) !== 0
      expect(isDisabled()).toBe(true)
      guest.host.machine.secondaryBusReset(guest.host.hardware('nic').identity.parent!)
      expect(isDisabled()).toBe(false)
      guest.device.setConfig(COMMAND, 2, 0x0006)
      expect(isDisabled()).toBe(true)
    })

    test('is like any other with nointxmask', () => {
      const guest = new InterruptingGuest('nic', { kernel, ...X710, moduleOptions: { nointxmask: true } })
      expect(guest.device.config(INTERRUPT_PIN, 1)).toBe(1)
      expect(failure(() => guest.enable(INTX))).toBeUndefined()
    })
  },
)

test('another function of the same vendor keeps its pin', () => {
  expect(new InterruptingGuest('nic').device.config(INTERRUPT_PIN, 1)).toBe(1)
})

test.each([
  [false, 'by the function itself'],
  [true, 'where the function does not notice'],
])('with nointxmask %s a pin that was raised is masked %s, until the user unmasks it', (nointxmask) => {
  const guest = new InterruptingGuest('nic', { moduleOptions: { nointxmask } })
  const [fd] = guest.enable(INTX)
  guest.board.setIntx(true)
  expect((guest.register(COMMAND) & DISABLED) === 0).toBe(nointxmask)
  guest.board.setIntx(false)
  guest.board.setIntx(true)
  expect(guest.heard(fd!)).toBe(1)
  guest.set({ index: INTX, start: 0, action: IRQ_SET_ACTION.UNMASK, data: 1 })
  expect(guest.heard(fd!)).toBe(1)
})
