import 'reflect-metadata'
import type { DeviceModel, PciMachine } from '@vfiokit/hardware'
import {
  DEVICE_MODEL_FACTORY,
  FUNCTION_PROFILE_SOURCE,
  hardwareModule,
  PCI_MACHINE,
} from '@vfiokit/hardware/module'
import { Container } from 'inversify'
import { expect, it } from 'vitest'
import { ENDPOINT, smallMachine } from './fixtures/machine.ts'

function container(): Container {
  const made = new Container()
  made.bind(Symbol.for('@vfiokit/topology/Topology')).toConstantValue(smallMachine().topology)
  made.load(hardwareModule)
  return made
}

it('PCI_MACHINE is one machine of the bound topology', () => {
  const made = container()
  const machine: PciMachine = made.get(PCI_MACHINE)
  expect(machine).toBe(made.get(PCI_MACHINE))
  expect(machine.hardware(ENDPOINT)!.readConfig(0, 4)).toBe(0x11e81234)
})

it('profiles and device models that are bound reach the machine', () => {
  const made = container()
  const model: DeviceModel = {
    readBar: (_, __, out) => void out.fill(7),
    writeBar: () => {},
    reset: () => {},
  }
  made.bind(FUNCTION_PROFILE_SOURCE).toConstantValue(() => undefined)
  made.bind(FUNCTION_PROFILE_SOURCE).toConstantValue(() => ({ rw: '00'.repeat(256), w1c: '00'.repeat(256) }))
  made.bind(DEVICE_MODEL_FACTORY).toConstantValue(() => model)
  const fn = made.get(PCI_MACHINE).hardware(ENDPOINT)!
  fn.writeConfig(0x3c, 1, 0xff)
  const out = new Uint8Array(1)
  fn.readBar(0, 0, out)
  expect([fn.readConfig(0x3c, 1), out[0]]).toEqual([0, 7])
})
