import { Bdf, ConfigComposer } from '@vfiokit/topology'
import {
  IRQ_SET_ACTION,
  KERNEL_VERSIONS,
  type KernelVersion,
  openDeviceIn,
  openGroup,
  PCI_IRQ,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, now } from '../fixtures/guest.ts'
import { Host, type HostOptions } from '../fixtures/host.ts'
import { BDF, VF_TOKEN } from '../fixtures/machine.ts'

const SECOND = Bdf.of({ ...Bdf.parts(BDF.vf), function: 2 })
/** Of the SR-IOV capability, which is the only extended one. */
const CONTROL = 0x108
const NUM_VFS = 0x110

/** A root port whose functions cannot reach each other. */
const ISOLATING = {
  config: new ConfigComposer(4096, { vendorId: 0x1b36, deviceId: 0x000c, headerType: 1, classCode: 0x060400 })
    .capability({ id: 0x10, fields: { version: 2, type: 'root-port' } })
    .capability({
      id: 0x0d,
      extended: true,
      fields: {
        sourceValidation: true,
        requestRedirect: true,
        completionRedirect: true,
        upstreamForwarding: true,
        sourceValidationEnabled: true,
        requestRedirectEnabled: true,
        completionRedirectEnabled: true,
        upstreamForwardingEnabled: true,
      },
    })
    .compose(),
}

const make = (host: Host, count: number) => failure(() => host.bus.virtualFunctions.setCount(BDF.pf, count))
const names = (host: Host) => host.bus.topology.virtualFunctions(BDF.pf).map(({ bdf }) => bdf)
const registers = (host: Host) => [CONTROL, NUM_VFS].map((at) => host.hardware('pf').readConfig(at, 2))
const machine = (kernel: KernelVersion, rest: HostOptions = {}) => new Host({ kernel, ...rest })

describe.each(KERNEL_VERSIONS)('fact 3.13: virtual functions on %s', (kernel) => {
  test('go from drivers, topology and registers, and come back as they were', () => {
    const host = machine(kernel)
    const found = host.bus.topology.function(BDF.vf)
    expect([make(host, 0), names(host), registers(host)]).toEqual([undefined, [], [0, 0]])
    expect([host.bus.driver(BDF.vf), host.core.devices.has(BDF.vf)]).toEqual([undefined, false])
    expect(host.machine.hardware(BDF.vf)).toBeUndefined()
    expect([make(host, 1), names(host), registers(host)]).toEqual([undefined, [BDF.vf], [9, 1]])
    expect(host.bus.topology.function(BDF.vf)).toMatchObject({ bars: found!.bars, iommuGroup: 9 })
  })

  test('are given to vfio-pci, as their physical function was, and need its token', () => {
    const host = machine(kernel)
    make(host, 0)
    make(host, 2)
    expect([BDF.vf, SECOND].map((bdf) => host.bus.driver(bdf))).toEqual(['vfio-pci', 'vfio-pci'])
    expect(host.bus.driverOverride(SECOND)).toBe('vfio-pci')
    expect(failure(() => host.guest().openWith('vf', undefined))).toBe('EACCES')
    expect(failure(() => host.guest('vm1').openWith('vf', VF_TOKEN))).toBeUndefined()
  })

  test('that the source does not list are like those that it does', () => {
    const host = machine(kernel)
    make(host, 2)
    const [first, second] = [BDF.vf, SECOND].map((bdf) => host.bus.topology.function(bdf)!)
    const { vendorId, deviceId, physfn } = first!
    expect(second).toMatchObject({ vendorId, deviceId, physfn })
    expect(host.machine.hardware(SECOND)!.readConfig(8, 4)).toBe(host.hardware('vf').readConfig(8, 4))
  })

  test('join the group of what they share requests with, else get the lowest free one', () => {
    const group = (options: HostOptions) => {
      const host = machine(kernel, options)
      return [0, 1].map(() => {
        make(host, 0)
        make(host, 2)
        return host.core.devices.get(SECOND)?.group.number
      })
    }
    expect(group({})).toEqual([104, 104])
    expect(group({ overrides: { ports: ISOLATING } })).toEqual([0, 0])
  })

  test('wait for one that is open, whose user is asked to let go; nothing after it goes before', async () => {
    const host = machine(kernel)
    make(host, 0)
    make(host, 2)
    const { calls } = host.guest()
    const second = now(openDeviceIn(calls, now(openGroup(calls, 104)), `${SECOND} vf_token=${VF_TOKEN}`))
    const fd = calls.eventfd()
    const { TRIGGER } = IRQ_SET_ACTION
    now(second.setInterrupts({ index: PCI_IRQ.REQ, action: TRIGGER, data: { fds: [fd] } }))
    const removed = host.bus.virtualFunctions.setCount(BDF.pf, 0)
    expect([calls.readEvent(fd), names(host), registers(host)]).toEqual([1n, [BDF.vf, SECOND], [9, 2]])
    now(calls.close(second.fd))
    await removed
    expect([names(host), registers(host), host.busyLocks()]).toEqual([[], [0, 0], []])
  })

  test('of a function that is taken from vfio-pci go first, when nobody uses them', async () => {
    const host = machine(kernel)
    const vf = host.guest().openWith('vf', VF_TOKEN)
    const unbound = host.bus.unbind(BDF.pf)
    expect([names(host), host.bus.driver(BDF.pf)]).toEqual([[BDF.vf], 'vfio-pci'])
    vf.close()
    await unbound
    expect([names(host), host.bus.driver(BDF.pf)]).toEqual([[], undefined])
  })

  test('count for the viability of the group that they join', () => {
    const host = machine(kernel, { overrides: { vf: { iommuGroup: 104 } } })
    make(host, 2)
    host.bus.unbind(SECOND)
    host.bus.overrideDriver(SECOND, 'igbvf')
    host.bus.bindDriver(SECOND, 'igbvf')
    console.log(
      kernel,
      failure(() => host.guest().openWith('vf', VF_TOKEN)),
    )
    make(host, 0)
    expect([host.bus.driver(SECOND), host.bus.driverOverride(SECOND)]).toEqual([undefined, undefined])
  })

  test('of a function that is taken from vfio-pci go with it', () => {
    const host = machine(kernel)
    host.bus.unbind(BDF.pf)
    expect([names(host), host.bus.driver(BDF.vf)]).toEqual([[], undefined])
    expect(host.busyLocks()).toEqual([])
  })

  test('keep their physical function on, which sleeps without them', () => {
    const host = machine(kernel)
    host.bus.settle()
    expect(host.hardware('pf').powerState).toBe('D0')
    make(host, 0)
    host.bus.settle()
    const asleep = host.hardware('pf').powerState
    make(host, 2)
    expect([asleep, host.hardware('pf').powerState]).toEqual([host.hardware('nvme').powerState, 'D0'])
  })
})

test('more than the function can have are refused, and nothing has changed', () => {
  const host = machine('7.2')
  expect([make(host, 3), names(host)]).toEqual(['ERANGE', [BDF.vf]])
})
