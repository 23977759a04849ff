/** What an access costs, without anything above the hardware. */
import { bench, describe } from 'vitest'
import { ENDPOINT, PORT, smallMachine } from './fixtures/machine.ts'

const machine = smallMachine()
const fn = machine.hardware(ENDPOINT)!
const word = new Uint8Array(4)
for (let page = 0; page < 4; page += 1) fn.writeBar(0, page * 4096, word)
let step = 0

describe('one access', () => {
  bench('4-byte BAR read, one page', () => fn.readBar(0, (step++ & 1023) * 4, word))
  bench('4-byte BAR read, page by page', () => fn.readBar(0, (step++ & 3) * 4096, word))
  bench('4-byte BAR read, 16 GiB untouched', () => fn.readBar(2, (step++ & 1023) * 2 ** 24, word))
  bench('4-byte BAR write', () => fn.writeBar(0, (step++ & 1023) * 4, word))
  bench('configuration read', () => void fn.readConfig(0, 4))
  bench('command register write', () => fn.writeConfig(4, 2, 0x107))
})

describe('one reset', () => {
  bench('of two functions and a bridge', () => machine.secondaryBusReset(PORT))
})
