import { Bdf, TopologyBuilder, writeLspciList } from '@vfiokit/topology'
import { loadPciNames, PciNames } from '@vfiokit/topology/names'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const TEXT = `# comment
10ec  Realtek "Semi" [brackets] Co., Ltd.
\t8168  RTL8111
\t\t1043 8677  P8P67
\t\t10ec 0123  Own board
\t8169  RTL8110
1af4  Red Hat, Inc.
S 1af4
S 1af4  Red Hat
\t1100  QEMU Virtual Machine
C 01  Mass storage controller
\t06  SATA controller
\t\t01  AHCI 1.0
C 02  Network controller
`

test('the names of vendor, device, class and interface', () => {
  const names = new PciNames(TEXT)
  expect(names.vendorName(0x10ec)).toBe('Realtek "Semi" [brackets] Co., Ltd.')
  expect(names.deviceName(0x10ec, 0x8168)).toBe('RTL8111')
  expect(names.className(0x010601)).toBe('SATA controller')
  expect(names.interfaceName(0x010601)).toBe('AHCI 1.0')
})

test('the base class names a subclass that has no name', () => {
  expect(new PciNames(TEXT).className(0x018000)).toBe('Mass storage controller')
})

test('a subsystem is looked up below its device, then alone, then as the device itself', () => {
  const names = new PciNames(TEXT)
  const name = (vendorId: number, deviceId: number, device = 0x8168) =>
    names.subsystemName(0x10ec, device, { vendorId, deviceId })
  expect(name(0x1043, 0x8677)).toBe('P8P67')
  expect(name(0x1043, 0x8677, 0x8169)).toBeUndefined()
  expect(name(0x1af4, 0x1100)).toBe('QEMU Virtual Machine')
  expect(name(0x10ec, 0x8168)).toBe('RTL8111')
  expect(name(0x1af4, 0x1101)).toBeUndefined()
})

test('what is not in the list has no name', () => {
  const names = new PciNames(TEXT)
  const fn = { vendorId: 0xffff, deviceId: 1, classCode: 0xff0000, subsystem: undefined }
  expect([names.vendorName(0xffff), names.deviceName(0x1af4, 1), names.interfaceName(0)]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  expect(names.of(fn)).toEqual({})
  expect(new PciNames('').of(fn)).toEqual({})
})

test('CRLF and a missing last newline change nothing', () => {
  const names = new PciNames(TEXT.replaceAll('\n', '\r\n').trimEnd())
  expect(names.deviceName(0x10ec, 0x8169)).toBe('RTL8110')
  expect(names.className(0x020000)).toBe('Network controller')
})

test('any text at all gives names or none, never an error', () => {
  const line = fc.oneof(fc.string(), fc.constantFrom(...TEXT.split('\n')))
  fc.assert(
    fc.property(fc.array(line), fc.nat(0xffff), (lines, id) => {
      const names = new PciNames(lines.join('\n'))
      const fn = { vendorId: id, deviceId: id, classCode: id, subsystem: { vendorId: 0x1af4, deviceId: id } }
      expect(typeof names.of(fn)).toBe('object')
    }),
  )
})

test('the list of the package knows old and new devices, and is loaded once', async () => {
  const names = await loadPciNames()
  expect(await loadPciNames()).toBe(names)
  expect(names.of({ vendorId: 0x8086, deviceId: 0x10c9, classCode: 0x020000, subsystem: undefined })).toEqual(
    {
      className: 'Ethernet controller',
      vendor: 'Intel Corporation',
      device: '82576 Gigabit Network Connection',
    },
  )
  expect(names.subsystemName(0x8086, 0x10c9, { vendorId: 0x103c, deviceId: 0x31ef })).toBe(
    'NC362i Integrated Dual port Gigabit Server Adapter',
  )
  expect(names.interfaceName(0x0c0330)).toBe('XHCI')
})

test('lines of lspci -nn come with them', async () => {
  const names = await loadPciNames()
  const sata = { vendorId: 0x8086, deviceId: 0x2922, classCode: 0x010601, revision: 2 }
  const topology = new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:1f.2'), ...sata }).finish()
  expect(writeLspciList(topology, { names: (fn) => names.of(fn) })).toBe(
    '00:1f.2 SATA controller [0106]: Intel Corporation 82801IR/IO/IH (ICH9R/DO/DH) 6 port SATA Controller ' +
      '[AHCI mode] [8086:2922] (rev 02)\n',
  )
})
