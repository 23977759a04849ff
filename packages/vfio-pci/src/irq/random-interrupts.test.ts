import { type InterruptSetting, IRQ_SET_ACTION, KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { failure } from '../fixtures/guest.ts'
import { InterruptingGuest } from '../fixtures/interrupting-guest.ts'
import { AT } from '../fixtures/machine.ts'

const NIC_MSIX = 0xb0
const SEQUENCES = 2000

/** A descriptor by what it is: one of three eventfds, or something that is none. */
const descriptor = fc.constantFrom('first', 'second', 'third', 'none', 'closed', 'stdin')
const data = fc.oneof(
  fc.record({ fds: fc.array(descriptor, { maxLength: 4 }) }),
  fc.record({ choices: fc.array(fc.boolean(), { maxLength: 4 }) }),
  fc.nat(4),
)
const setting = fc.record({
  index: fc.nat(5),
  start: fc.constantFrom(0, 0, 0, 1, 2, 4),
  action: fc.constantFrom(...Object.values(IRQ_SET_ACTION), IRQ_SET_ACTION.TRIGGER, IRQ_SET_ACTION.TRIGGER),
  data,
})
const step = fc.oneof(
  { weight: 6, arbitrary: setting },
  {
    weight: 1,
    arbitrary: fc.constantFrom('reset', 'ring', 'pin', 'unpin', 'signal', 'hold', 'let go', 'sleep', 'wake'),
  },
)
type RandomStep = typeof step extends fc.Arbitrary<infer T> ? T : never

const POWER = 0x44
const ACTS: Readonly<Record<string, (guest: InterruptingGuest, fds: Descriptors) => void>> = {
  reset: ({ device }) => device.reset(),
  ring: ({ board }) => {
    for (let vector = 0; vector < board.messageVectors; vector++) board.sendMessage(vector)
  },
  pin: ({ board }) => board.setIntx(true),
  unpin: ({ board }) => board.setIntx(false),
  signal: (guest, fds) => guest.signal(fds.first!),
  hold: ({ device }) => void device.setConfig(4, 2, 0x0406),
  'let go': ({ device }) => void device.setConfig(4, 2, 0x0006),
  sleep: ({ device }) => void device.setConfig(POWER, 2, 3),
  wake: ({ device }) => void device.setConfig(POWER, 2, 0),
}
type Descriptors = Readonly<Record<string, number>>

function settingOf(drawn: Exclude<RandomStep, string>, fds: Descriptors): InterruptSetting {
  const { data } = drawn
  if (typeof data === 'number' || 'choices' in data) return { ...drawn, data }
  return { ...drawn, data: { fds: data.fds.map((name) => fds[name]!) } }
}

/** Which kinds the hardware of nic has on, INTx excepted: a pin has nothing to turn on. */
function messagesOn(guest: InterruptingGuest): string[] {
  const msi = (guest.register(AT.nicMsi + 2) & 1) !== 0
  const msix = (guest.register(NIC_MSIX + 2) & 0x8000) !== 0
  return [...(msi ? ['msi'] : []), ...(msix ? ['msix'] : [])]
}

test.each(KERNEL_VERSIONS)(
  'whatever SET_IRQS is asked, one kind is on at most, no lock is left, and close frees all (%s)',
  (kernel) => {
    const answers = new Map<string, number>()
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const guest = new InterruptingGuest('nic', { kernel })
        const [first, second, third] = [guest.eventfd(), guest.eventfd(), guest.eventfd()]
        const fds = { first, second, third, none: -1, closed: 999, stdin: 0 }
        const { interrupts } = guest.host.driver('nic').open!
        for (const next of steps) {
          const answer = failure(() =>
            typeof next === 'string' ? ACTS[next]!(guest, fds) : void guest.set(settingOf(next, fds)),
          )
          answers.set(answer ?? 'ok', (answers.get(answer ?? 'ok') ?? 0) + 1)
          expect(guest.host.busyLocks()).toEqual([])
          const on = messagesOn(guest)
          if (interrupts.enabled === 'intx' || interrupts.enabled === undefined) expect(on).toEqual([])
          else expect(on).toEqual([interrupts.enabled])
        }
        guest.device.close()
        expect([messagesOn(guest), guest.host.busyLocks()]).toEqual([[], []])
        const heard = [first, second, third].map((fd) => guest.heard(fd))
        ACTS.pin!(guest, fds)
        ACTS.ring!(guest, fds)
        expect([first, second, third].map((fd) => guest.heard(fd))).toEqual(heard.map(() => 0))
      }),
      { numRuns: SEQUENCES / KERNEL_VERSIONS.length },
    )
    expect([...answers.keys()]).toEqual(expect.arrayContaining(['ok', 'EINVAL', 'ENOTTY', 'EBADF', 'ERANGE']))
  },
  60_000,
)
