import { STRATEGIES } from '@vfiokit/locking-strategies'
import { FEATURE, KERNEL_VERSIONS, PCI_IRQ } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, type Guest, now, REGION } from './fixtures/guest.ts'
import { Host, type HostOptions } from './fixtures/host.ts'
import { InterruptingGuest } from './fixtures/interrupting-guest.ts'
import { AT, BDF, NVME_MSIX, SLOT } from './fixtures/machine.ts'

interface Path {
  readonly what: string
  readonly fail: (guest: Guest, host: Host) => unknown
  readonly answers: string
  /** Not on kernels that lack it. */
  readonly isMissingOn?: string
  readonly options?: HostOptions
}

/** nvme with memory off. */
function withoutMemory(guest: Guest) {
  const nvme = guest.open('nvme')
  nvme.setMemory(false)
  return nvme
}

/** nvme in D3hot. */
function asleep(guest: Guest) {
  const nvme = guest.open('nvme')
  nvme.setConfig(AT.nvmePm + 4, 2, 3)
  return nvme
}

/** Something, while somebody else has nvme locked. */
function whileLocked(host: Host, act: () => void): void {
  const lock = host.bus.locks.of(BDF.nvme)
  lock.tryTake('write')
  try {
    act()
  } finally {
    lock.drop('write')
  }
}

function setFeature(guest: Guest, feature: number): void {
  guest.open('nvme').feature(0x2_0000 | feature, new Uint8Array(0))
}

const NOWHERE = { address: 4096, lengthBytes: 8 }
/** Every function of slot 1 in a group of its own. */
const SPLIT = Object.fromEntries(SLOT.map((name, at) => [name, { iommuGroup: 20 + at }]))

const PATHS: readonly Path[] = [
  {
    what: 'hot reset with a foreign group',
    fail: (vm) => vm.open('nvme').hotReset('lone'),
    answers: 'EINVAL',
  },
  {
    what: 'hot reset without one of the groups',
    fail: (vm) => {
      const [nvme] = SLOT.map((name) => vm.open(name))
      nvme!.hotReset('nvme', 'nic', 'testdev')
    },
    answers: 'EINVAL',
    options: { overrides: SPLIT },
  },
  {
    what: 'hot reset with a descriptor that is not open',
    fail: (vm) => now(vm.open('nvme').calls.hotReset([9999])),
    answers: 'EBADF',
  },
  { what: 'hot reset on a root bus', fail: (vm) => vm.open('rootEdu').hotReset(), answers: 'ENODEV' },
  {
    what: 'hot reset of a locked slot',
    fail: (vm, host) => {
      const edu = vm.open('edu')
      whileLocked(host, () => edu.hotReset())
    },
    answers: 'EAGAIN',
  },
  {
    what: 'reset of a locked function',
    fail: (vm, host) => {
      const nvme = vm.open('nvme')
      whileLocked(host, () => nvme.reset())
    },
    answers: 'EAGAIN',
  },
  {
    what: 'open of a locked function',
    fail: (vm, host) => whileLocked(host, () => vm.open('nvme')),
    answers: 'EAGAIN',
  },
  { what: 'reset without a method', fail: (vm) => vm.open('edu').reset(), answers: 'EINVAL' },
  {
    what: 'reset whose methods are gone',
    fail: (vm, host) => {
      const nvme = vm.open('nvme')
      host.hardware('nvme').setResetMethods('')
      try {
        nvme.reset()
      } finally {
        host.hardware('nvme').setResetMethods('flr')
      }
    },
    answers: 'ENOTTY',
  },
  { what: 'memory off and read', fail: (vm) => withoutMemory(vm).read(0, 0, 4), answers: 'EIO' },
  {
    what: 'memory off and write',
    fail: (vm) => withoutMemory(vm).write(0, 0, new Uint8Array(4)),
    answers: 'EIO',
  },
  { what: 'memory off and touch', fail: (vm) => withoutMemory(vm).map(0).load(), answers: 'SIGBUS' },
  { what: 'D3hot and read', fail: (vm) => asleep(vm).read(0, 0, 4), answers: 'EIO', isMissingOn: '5.10' },
  { what: 'D3hot and touch', fail: (vm) => asleep(vm).map(0).load(), answers: 'SIGBUS', isMissingOn: '5.10' },
  {
    what: 'a write to the ROM',
    fail: (vm) => vm.open('nic').write(6, 0, Uint8Array.of(0)),
    answers: 'EINVAL',
  },
  { what: 'mmap behind the end', fail: (vm) => vm.open('nvme').map(0, 0x4000), answers: 'EINVAL' },
  { what: 'read behind the end', fail: (vm) => vm.open('nvme').read(0, 0x4000, 4), answers: 'EINVAL' },
  {
    what: 'config behind the end',
    fail: (vm) => vm.open('nvme').read(REGION.CONFIG, 5000, 1),
    answers: 'EFAULT',
  },
  { what: 'a copy from nowhere', fail: (vm) => vm.open('nvme').write(0, 0, NOWHERE), answers: 'EFAULT' },
  {
    what: 'a copy to nowhere',
    fail: (vm) => now(vm.open('nvme').calls.read(0, 0, NOWHERE)),
    answers: 'EFAULT',
  },
  { what: 'region info of nothing', fail: (vm) => vm.open('nvme').region(77), answers: 'EINVAL' },
  { what: 'an unknown ioctl', fail: (vm) => vm.open('nvme').ioctl(0x3bff), answers: 'ENOTTY' },
  { what: 'a feature that is not there', fail: (vm) => setFeature(vm, 0x99), answers: 'ENOTTY' },
  {
    what: 'low power twice',
    fail: (vm) => {
      setFeature(vm, FEATURE.LOW_POWER_ENTRY)
      setFeature(vm, FEATURE.LOW_POWER_ENTRY)
    },
    answers: 'EINVAL',
    isMissingOn: '5.10',
  },
  {
    what: 'an ioeventfd in the MSI-X table',
    fail: (vm) => {
      const write = { region: 0, offset: NVME_MSIX.offset, widthBytes: 4, value: 0n } as const
      now(vm.open('nvme').calls.setIoEventfd(write, vm.calls.eventfd()))
    },
    answers: 'EINVAL',
  },
]

const SETTINGS: readonly HostOptions[] = [
  ...STRATEGIES.map((strategy) => ({ strategy })),
  ...KERNEL_VERSIONS.map((kernel) => ({ kernel })),
]
const titleOf = ({ strategy, kernel }: HostOptions) => strategy?.name ?? `Linux ${kernel}`

describe.each(SETTINGS.map((setting) => ({ title: titleOf(setting), setting })))(
  'T76 under $title all locks are free, and a reset works, after',
  ({ setting }) => {
    const here = PATHS.filter(({ isMissingOn }) => isMissingOn !== (setting.kernel ?? ''))

    test.each(here)('$what: $answers', ({ fail, answers, options = {} }) => {
      const host = new Host({ ...options, ...setting })
      expect(failure(() => fail(host.guest(), host))).toBe(answers)
      expect(host.busyLocks()).toEqual([])
      expect(failure(() => host.guest().open('nvme').reset())).toBeUndefined()
      expect(host.busyLocks()).toEqual([])
    })

    test('interrupts of two kinds at once', () => {
      const guest = new InterruptingGuest('nvme', setting)
      guest.enable(PCI_IRQ.INTX)
      expect(failure(() => guest.enable(PCI_IRQ.MSIX))).toBe('EINVAL')
      expect(guest.host.busyLocks()).toEqual([])
      expect(failure(() => guest.device.reset())).toBeUndefined()
      expect(guest.host.busyLocks()).toEqual([])
    })
  },
)
