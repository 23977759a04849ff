import { expect, test } from 'vitest'
import { Host } from '../fixtures/host.ts'
import { AT, BDF } from '../fixtures/machine.ts'
import { SavedState } from './saved-state.ts'

/** Programs MSI as a driver that is not modelled does, and answers what a bus reset with restore leaves of it. */
function messageAfterReset(host: Host): number[] {
  const hardware = host.hardware('nic')
  hardware.writeConfig(AT.nicMsi + 4, 4, 0xfee0_0000)
  hardware.writeConfig(AT.nicMsi + 2, 2, hardware.readConfig(AT.nicMsi + 2, 2) | 1)
  const saved = new SavedState(hardware)
  host.machine.secondaryBusReset(hardware.identity.parent!)
  saved.restore()
  return [hardware.readConfig(AT.nicMsi + 2, 2) & 1, hardware.readConfig(AT.nicMsi + 4, 4)]
}

test('messages that vfio-pci did not program do not come back while it has the function', () => {
  expect(messageAfterReset(new Host())).toEqual([0, 0])
})

test('those of the next driver do, when vfio-pci has given the function up', () => {
  const host = new Host()
  host.bus.unbind(BDF.nic)
  expect(messageAfterReset(host)).toEqual([1, 0xfee0_0000])
})
