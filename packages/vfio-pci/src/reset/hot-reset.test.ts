import { type AnyLockingStrategy, record, runLive } from '@vfiokit/locking'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import {
  CONTAINER_IOCTL,
  DEVICE_IOCTL,
  FILE_DESCRIPTOR,
  GROUP_IOCTL,
  HOT_RESET,
  KERNEL_VERSIONS,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, type GuestDevice, now, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF, type FunctionName, SLOT } from '../fixtures/machine.ts'
import { barRegion, provider } from '../fixtures/regions.ts'
import { spyOn } from '../fixtures/spy-model.ts'

interface Raw {
  readonly argsz?: number
  readonly flags?: number
  readonly count?: number
  readonly bytes?: number
}

/** The ioctl with descriptors as given. */
function raw(
  device: GuestDevice,
  fds: readonly number[],
  { argsz, flags = 0, count, bytes }: Raw = {},
): void {
  const whole = HOT_RESET.sizeBytes + 4 * fds.length
  const argument = HOT_RESET.encode(
    { argsz: argsz ?? whole, flags, count: count ?? fds.length },
    4 * fds.length,
  )
  for (const [at, fd] of fds.entries()) FILE_DESCRIPTOR.write(argument, { fd }, HOT_RESET.sizeBytes + 4 * at)
  device.ioctl(DEVICE_IOCTL.DEVICE_PCI_HOT_RESET, argument.subarray(0, bytes ?? argument.length))
}

/** Every function of slot 1 in a group of its own. */
const SPLIT = Object.fromEntries(SLOT.map((name, at) => [name, { iommuGroup: 20 + at }]))

describe('a slot of which everything is the caller’s', () => {
  test.each(STRATEGIES)(
    'is reset: mappings are gone, registers are back, the users’ view is as it was ($name)',
    (strategy) => {
      const host = new Host({ strategy })
      const vm = host.guest()
      const devices = SLOT.map((name) => vm.open(name))
      const maps = devices.map((device) => device.map(0))
      for (const [at, map] of maps.entries()) map.store(0x10, at + 1)
      devices[0]!.setConfig(0x10, 4, 0xc000_0000)
      const shown = devices.map((device) => device.read(REGION.CONFIG, 0, 256))
      const before = SLOT.map((name) => host.hardware(name).readConfig(0x10, 4))
      devices[3]!.hotReset()
      expect(maps.map((map) => map.presentPages)).toEqual([0, 0, 0, 0])
      expect(SLOT.map((name) => host.hardware(name).readConfig(0x10, 4))).toEqual(before)
      expect(devices.map((device) => device.read(REGION.CONFIG, 0, 256))).toEqual(shown)
      expect(maps.map((map) => map.load(0x10))).toEqual([0, 0, 0, 0])
      expect(host.busyLocks()).toEqual([])
    },
  )

  test.each(KERNEL_VERSIONS)('T47 members that nobody has open are reset too (%s)', (kernel) => {
    const spies = SLOT.map((name) => spyOn(name))
    const host = new Host({ models: spies.map(({ model }) => model), kernel })
    const edu = host.guest().open('edu')
    for (const spy of spies) spy.accesses.length = 0
    edu.hotReset()
    // On 5.10 those that nobody uses have been asleep.
    const resets = spies.map(({ accesses }) => accesses.filter((access) => access !== 'pm'))
    expect(resets).toEqual([['bus'], ['bus'], ['bus'], ['bus']])
    expect(host.hardware('nvme').readConfig(0x10, 4)).toBe(0xfe38_0004)
  })

  test('any member can ask, with a group twice, and with room to spare', () => {
    const vm = new Host().guest()
    const nic = vm.open('nic')
    const group = vm.group('nic')
    raw(nic, [group])
    raw(nic, [group, group])
    raw(nic, [group], { argsz: HOT_RESET.sizeBytes })
    raw(nic, [group], { argsz: 4096 })
  })

  test('memory that was off stays off, D3hot ends', () => {
    const vm = new Host().guest()
    const nvme = vm.open('nvme')
    const nic = vm.open('nic')
    nvme.setMemory(false)
    nic.setConfig(0x44, 2, 3)
    expect(failure(() => nic.read(0, 0, 4))).toBe('EIO')
    nvme.hotReset()
    expect(failure(() => nvme.read(0, 0, 4))).toBe('EIO')
    expect(nic.read(0, 0, 4)).toHaveLength(4)
  })

  test('regions of every open member hear of it before and after', () => {
    const heard: string[] = []
    const hears = (name: FunctionName) =>
      provider(name, () => [
        barRegion({
          sizeBytes: 0x1000,
          resetPrepare: () => void heard.push(`prepare ${name}`),
          resetDone: () => void heard.push(`done ${name}`),
        }),
      ])
    const host = new Host({ providers: SLOT.map(hears) })
    const vm = host.guest()
    vm.open('nvme')
    vm.open('edu').hotReset()
    expect(heard).toEqual(['prepare nvme', 'prepare edu', 'done nvme', 'done edu'])
  })
})

describe('what is refused, in the kernel’s order', () => {
  const open = (kernel: (typeof KERNEL_VERSIONS)[number] = '7.2') => {
    const host = new Host({ kernel })
    const vm = host.guest()
    return { host, vm, nvme: vm.open('nvme'), group: vm.group('nvme') }
  }

  test('a struct that is cut short, flags, a count that no argument backs', () => {
    const { nvme, group } = open()
    expect(failure(() => raw(nvme, [group], { argsz: 11 }))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [group], { argsz: 0 }))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [group], { bytes: 11 }))).toBe('EFAULT')
    expect(failure(() => raw(nvme, [group], { flags: 1 }))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [group], { count: 2 }))).toBe('EFAULT')
    expect(failure(() => raw(nvme, [group], { bytes: 15 }))).toBe('EFAULT')
  })

  test.each(KERNEL_VERSIONS)('T39 no group at all, and more groups than functions (%s)', (kernel) => {
    const { nvme, group } = open(kernel)
    expect(failure(() => raw(nvme, []))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [group], { count: 0 }))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [group, group, group, group, group]))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [group], { count: 65536 }))).toBe('EINVAL')
  })

  test.each(KERNEL_VERSIONS)('T46 on a root bus there is nothing that could reset (%s)', (kernel) => {
    const host = new Host({ kernel })
    const vm = host.guest()
    const edu = vm.open('rootEdu')
    expect(failure(() => raw(edu, [vm.group('rootEdu')]))).toBe('ENODEV')
    // The count comes first since 6.6.
    expect(failure(() => raw(edu, []))).toBe(kernel === '6.12' || kernel === '7.2' ? 'EINVAL' : 'ENODEV')
  })

  test.each(KERNEL_VERSIONS)('T42 a descriptor that is no group, and one that is not open (%s)', (kernel) => {
    const { vm, nvme, group } = open(kernel)
    const container = now(vm.calls.open('/dev/vfio/vfio'))
    expect(failure(() => raw(nvme, [container]))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [nvme.calls.fd]))).toBe('EINVAL')
    expect(failure(() => raw(nvme, [9999]))).toBe('EBADF')
    expect(failure(() => raw(nvme, [-1]))).toBe('EBADF')
    expect(failure(() => raw(nvme, [group, 9999]))).toBe('EBADF')
  })

  test.each(KERNEL_VERSIONS)(
    'T40 a member whose group is missing: nothing is reset, all locks are free (%s)',
    (kernel) => {
      const spy = spyOn('nvme')
      const host = new Host({ kernel, overrides: SPLIT, models: [spy.model] })
      const vm = host.guest()
      const [nvme] = SLOT.map((name) => vm.open(name))
      const map = nvme!.map(0)
      map.load()
      spy.accesses.length = 0
      expect(failure(() => nvme!.hotReset('nvme', 'nic', 'testdev'))).toBe('EINVAL')
      expect(spy.accesses).toEqual([])
      // Members before the one that is missing were taken and zapped already; 5.10 looks at all first.
      expect(map.presentPages).toBe(kernel === '5.10' ? 1 : 0)
      expect(host.busyLocks()).toEqual([])
      nvme!.hotReset(...SLOT)
      expect(spy.accesses).toEqual(['bus'])
    },
  )

  test.each(KERNEL_VERSIONS)('T41 a function that nobody drives, or somebody else (%s)', (kernel) => {
    const bind: readonly FunctionName[] = ['nvme', 'nic', 'edu']
    for (const driver of [undefined, 'pci-stub']) {
      const host = new Host({ kernel, bind, overrides: { testdev: { driver } } })
      const nvme = host.guest().open('nvme')
      const map = nvme.map(0)
      map.load()
      expect(failure(() => nvme.hotReset())).toBe('EINVAL')
      expect(map.presentPages).toBe(1)
      expect(host.busyLocks()).toEqual([])
    }
  })

  test('5.10 takes a group only while it can be used', () => {
    const outcomes = (['5.10', '6.1'] as const).map((kernel) => {
      const host = new Host({ kernel, overrides: SPLIT })
      const vm = host.guest()
      const nvme = vm.open('nvme')
      for (const name of SLOT) vm.group(name)
      const bare = vm.group('testdev')
      now(vm.calls.ioctl(bare, GROUP_IOCTL.GROUP_UNSET_CONTAINER))
      return failure(() => nvme.hotReset(...SLOT))
    })
    expect(outcomes).toEqual(['EINVAL', undefined])
  })

  test('a container whose type is not set is none', () => {
    const vm = new Host({ kernel: '5.10' }).guest()
    const container = now(vm.calls.open('/dev/vfio/vfio'))
    expect(failure(() => now(vm.calls.ioctl(container, CONTAINER_IOCTL.SET_IOMMU, new Uint8Array(4))))).toBe(
      'EINVAL',
    )
  })
})

describe('a member that is busy', () => {
  const waits = ({ name }: AnyLockingStrategy) => name === 'ordered' || name === 'set-rwsem'

  test.each(STRATEGIES.filter(waits))('is waited for under $name', async (strategy) => {
    const host = new Host({ strategy })
    const vm = host.guest()
    const nvme = vm.open('nvme')
    vm.open('edu')
    const { lock, mode } = strategy.readSide(host.device('edu'))[0]!
    lock.tryTake(mode)
    let isDone = false
    const reset = Promise.resolve(runLive(nvme.calls.hotReset([vm.group('nvme')])))
    const done = reset.then(() => {
      isDone = true
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(isDone).toBe(false)
    lock.drop(mode)
    await done
    expect(host.busyLocks()).toEqual([])
  })

  test.each(STRATEGIES.filter((strategy) => !waits(strategy)))(
    'T43 T44 is EBUSY, members before it are given back, and a retry works ($name)',
    async (strategy) => {
      const host = new Host({ strategy })
      const vm = host.guest()
      const nvme = vm.open('nvme')
      vm.open('edu')
      const { lock, mode } = strategy.readSide(host.device('edu'))[0]!
      lock.tryTake(mode)
      expect(failure(() => nvme.hotReset())).toBe('EBUSY')
      expect(host.busyLocks()).toEqual([lock.name])
      lock.drop(mode)
      nvme.hotReset()
      expect(host.busyLocks()).toEqual([])
    },
  )
})

test('the reset is one step with every member’s lock held', () => {
  const host = new Host()
  const nvme = host.guest().open('nvme')
  const { steps, held } = record(nvme.calls.hotReset([nvme.guest.group('nvme')]))
  const names = steps.map(({ op }) => `${op.kind} ${op.object}`)
  const at = names.indexOf('effect hot reset of slot 1')
  expect(names.slice(0, at).filter((name) => name.startsWith('zap'))).toHaveLength(4)
  const released = names.slice(at + 1).filter((name) => name.startsWith('release'))
  // The device locks of the bridge and of its four functions, four memory locks, and the set's.
  expect(released.filter((name) => name.includes('device_lock'))).toHaveLength(5)
  expect(released.filter((name) => !name.includes('device_lock'))).toHaveLength(5)
  expect(held.size).toBe(0)
  expect(runLive(nvme.calls.info())).toBeDefined()
  expect(host.device('nvme').set.devices.map(({ id }) => id)).toEqual(SLOT.map((name) => BDF[name]))
})
