import 'reflect-metadata'
import { PCI_MACHINE } from '@vfiokit/hardware/module'
import { unmapRange } from '@vfiokit/locking-strategies'
import { VfioCore } from '@vfiokit/vfio-core'
import { VFIO_CORE } from '@vfiokit/vfio-core/module'
import type { PluginFailure, RegionProvider } from '@vfiokit/vfio-pci'
import { PCI_BUS, PLUGIN_FAILURE_LOG, REGION_PROVIDER, vfioPciModule } from '@vfiokit/vfio-pci/module'
import { Container } from 'inversify'
import { expect, test } from 'vitest'
import { BDF, fixtureMachine, fixtureTopology } from './fixtures/machine.ts'
import { provider } from './fixtures/regions.ts'

/** A container as a host makes it, with these plugins. */
function container(...providers: readonly RegionProvider[]): { container: Container; told: PluginFailure[] } {
  const told: PluginFailure[] = []
  const made = new Container()
  made.bind(VFIO_CORE).toConstantValue(new VfioCore({ strategy: unmapRange }))
  made.bind(PCI_MACHINE).toConstantValue(fixtureMachine(fixtureTopology()))
  made.bind(PLUGIN_FAILURE_LOG).toConstantValue((failure) => void told.push(failure))
  for (const each of providers) made.bind(REGION_PROVIDER).toConstantValue(each)
  made.load(vfioPciModule)
  return { container: made, told }
}

test('the bus is one, and has every provider that was bound', () => {
  const providers = [provider('nvme', () => [], 'one'), provider('nic', () => [], 'two')]
  const { container: made } = container(...providers)
  const bus = made.get(PCI_BUS)
  expect(made.get(PCI_BUS)).toBe(bus)
  expect(bus.providers).toEqual(providers)
  expect(bus.bind(BDF.nvme).id).toBe(BDF.nvme)
})

test('without providers it is a bus without plugins, and failures go to the bound log', () => {
  const { container: made, told } = container()
  const bus = made.get(PCI_BUS)
  expect(bus.providers).toEqual([])
  bus.log({ plugin: 'p', device: 'd', member: 'open', cause: 'why' })
  expect(told).toEqual(bus.pluginFailures)
})
