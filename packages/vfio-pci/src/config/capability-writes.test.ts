import type { ConfigWidth, PciHardware } from '@vfiokit/hardware'
import { KERNEL_VERSIONS, kernelProfile } from '@vfiokit/vfio-core'
import { VirtualConfig } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { Host } from '../fixtures/host.ts'
import { AT, BDF, fixtureMachine, fixtureTopology } from '../fixtures/machine.ts'
import { transferVpd } from './vital-product-data.ts'

describe('MSI', () => {
  const flags = AT.nicMsi + 2

  test('is turned off and on by register while the ioctl has it on; no more vectors than that', () => {
    const host = new Host()
    const nic = host.guest().open('nic')
    const { msi } = host.driver('nic').open!
    msi.isActive = true
    msi.vectorsLog2 = 1
    nic.setConfig(flags, 2, 0x0071)
    expect(nic.config(flags, 2) & 0x71).toBe(0x11)
    expect(host.hardware('nic').readConfig(flags, 2) & 0x71).toBe(0x11)
    nic.setConfig(flags, 2, 0)
    expect(host.hardware('nic').readConfig(flags, 2) & 0x71).toBe(0)
    msi.isActive = false
    nic.setConfig(flags, 2, 0x0031)
    expect(nic.config(flags, 2) & 0x71).toBe(0x10)
  })

  test('a write of what stands before the flags brings the copy to the hardware too', () => {
    const host = new Host()
    const nic = host.guest().open('nic')
    host.hardware('nic').writeConfig(flags, 2, 0x0081)
    nic.setConfig(AT.nicMsi, 2, 0xffff)
    expect(host.hardware('nic').readConfig(flags, 2) & 1).toBe(0)
  })
})

describe.each(KERNEL_VERSIONS)('T73 the read request size on %s', (kernel) => {
  const control = AT.nvmeExp + 8
  /** The fixture's device control is not writable by default. */
  const host = () => {
    const masks = { rw: new Uint8Array(4096), w1c: new Uint8Array(4096) }
    masks.rw.fill(0xff, control, control + 2)
    masks.rw.fill(0x07, 4, 5)
    const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
    const profile = { rw: hex(masks.rw), w1c: hex(masks.w1c) }
    return new Host({ kernel, profiles: (fn) => (fn.bdf === BDF.nvme ? profile : undefined) })
  }

  test.each([
    ['larger than the payload', 0x5000, 0x0020, 0x5020],
    ['smaller: the payload’s is used', 0x0000, 0x0060, 0x3060],
    ['of the payload', 0x1000, 0x0020, 0x1020],
    ['that does not exist: nothing happens', 0x7000, 0x0020, 0x2020],
  ])('%s', (_, wanted, payload, real) => {
    const machine = host()
    const nvme = machine.guest().open('nvme')
    machine.hardware('nvme').writeConfig(control, 2, 0x2000 | payload)
    nvme.setConfig(control, 2, wanted === 0 ? 0x1000 : 0)
    machine.hardware('nvme').writeConfig(control, 2, 0x2000 | payload)
    nvme.setConfig(control, 2, wanted)
    expect(nvme.config(control, 2)).toBe(wanted)
    expect(machine.hardware('nvme').readConfig(control, 2)).toBe(real)
  })

  test('the payload size of the user stays in the copy', () => {
    const machine = host()
    const nvme = machine.guest().open('nvme')
    nvme.setConfig(control, 2, 0x00e0)
    expect(nvme.config(control, 2)).toBe(0x00e0)
    expect(machine.hardware('nvme').readConfig(control, 2) & 0xe0).toBe(0)
  })
})

describe.each(KERNEL_VERSIONS)('T72 vital product data on %s', (kernel) => {
  const VPD_AT = 0x58
  /** A name of four bytes, and the end: 8 bytes, as the device keeps them. */
  const CONTENT = Uint8Array.of(0x82, 4, 0, 0x61, 0x62, 0x63, 0x64, 0x78)

  /** A function whose VPD registers work. */
  function withVpd(content: Uint8Array): { hardware: PciHardware; view: VirtualConfig } {
    const real = fixtureMachine(fixtureTopology()).hardware(BDF.lone)!
    const data = new DataView(content.buffer)
    const writeConfig = (offset: number, widthBytes: ConfigWidth, value: number) => {
      real.writeConfig(offset, widthBytes, value)
      if (offset !== VPD_AT + 2 || content.length === 0) return
      const place = value & 0x7fff
      if ((value & 0x8000) !== 0) data.setUint32(place, real.readConfig(VPD_AT + 4, 4), true)
      else real.writeConfig(VPD_AT + 4, 4, place < content.length ? data.getUint32(place, true) : 0)
      real.writeConfig(VPD_AT + 2, 2, value ^ 0x8000)
    }
    const own: PropertyDescriptorMap = { writeConfig: { value: writeConfig } }
    const hardware: PciHardware = Object.create(real, {
      ...own,
      readConfig: { value: real.readConfig.bind(real) },
      identity: { value: real.identity },
      configSizeBytes: { value: real.configSizeBytes },
    })
    return { hardware, view: new VirtualConfig(hardware, kernelProfile(kernel)) }
  }

  test('a read brings the dword, and raises the flag', () => {
    const { view } = withVpd(CONTENT.slice())
    view.setCopy(VPD_AT + 2, 2, 4)
    transferVpd(view, VPD_AT)
    expect([view.copy(VPD_AT + 2, 2), view.copy(VPD_AT + 4, 4)]).toEqual([0x8004, 0x7864_6362])
  })

  test('a write takes the dword, and takes the flag down', () => {
    const content = CONTENT.slice()
    const { view } = withVpd(content)
    view.setCopy(VPD_AT + 4, 4, 0x7800_0000)
    view.setCopy(VPD_AT + 2, 2, 0x8004)
    transferVpd(view, VPD_AT)
    expect([view.copy(VPD_AT + 2, 2), [...content.subarray(4)]]).toEqual([4, [0, 0, 0, 0x78]])
  })

  test.each([
    ['beyond the end', CONTENT, 8],
    ['of a device that does not answer', new Uint8Array(0), 0],
    ['of data without an end', Uint8Array.of(0x82, 0xff, 0xff, 0), 0],
    ['of what is no VPD', Uint8Array.of(1, 2, 3, 4), 0],
  ])('a read %s leaves the flag as it was written', (_, content, place) => {
    const { view } = withVpd(content.slice())
    view.setCopy(VPD_AT + 2, 2, place)
    transferVpd(view, VPD_AT)
    expect(view.copy(VPD_AT + 2, 2)).toBe(place)
  })

  test('a transfer begins when the byte with the flag is written, and only then', () => {
    const host = new Host({ kernel })
    const lone = host.guest().open('lone')
    lone.setConfig(VPD_AT + 4, 4, 0x1234_5678)
    lone.setConfig(VPD_AT + 2, 1, 0)
    expect(lone.config(VPD_AT + 4, 4)).toBe(0x1234_5678)
    lone.setConfig(VPD_AT + 2, 2, 0)
    expect([lone.config(VPD_AT + 2, 2), lone.config(VPD_AT + 4, 4)]).toEqual([0, 0x1234_5678])
  })
})
