/** Writes a sysfs tree of ordinary files: ports with a physical function and its virtual functions below each. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const PORTS_PER_DOMAIN = 250
const FUNCTIONS_PER_PORT = 20
const RESOURCE_LINES = 13

/** @returns how many functions were written, at least `wanted` */
export function writeSysfsTree(sys: string, wanted: number): number {
  const links = join(sys, 'bus/pci/devices')
  mkdirSync(links, { recursive: true })
  mkdirSync(join(sys, 'bus/pci/slots'), { recursive: true })
  let written = 0
  for (let at = 0; written < wanted; at++) {
    const domain = hex(Math.floor(at / PORTS_PER_DOMAIN), 4)
    const port = at % PORTS_PER_DOMAIN
    const root = `devices/pci${domain}:00`
    const portName = `${domain}:00:${hex(port >> 3, 2)}.${port & 7}`
    const below = join(root, portName)
    write(portName, below, bridgeConfig(port + 1), '0x060400')
    for (let fn = 0; fn < FUNCTIONS_PER_PORT; fn++) {
      const name = `${domain}:${hex(port + 1, 2)}:${hex(fn >> 3, 2)}.${fn & 7}`
      write(name, join(below, name), endpointConfig(), '0x020000')
    }
    written += 1 + FUNCTIONS_PER_PORT
  }
  return written

  function write(name: string, folder: string, config: Uint8Array, classCode: string): void {
    const path = join(sys, folder)
    mkdirSync(path, { recursive: true })
    const id = (offset: number) => `0x${hex(config[offset]! + 256 * config[offset + 1]!, 4)}`
    const uevent = `PCI_CLASS=${classCode.slice(2)}\nPCI_ID=${id(0).slice(2)}:${id(2).slice(2)}\nPCI_SLOT_NAME=${name}\n`
    const files: Readonly<Record<string, string | Uint8Array>> = {
      config,
      uevent,
      vendor: `${id(0)}\n`,
      device: `${id(2)}\n`,
      class: `${classCode}\n`,
      irq: '0\n',
      resource: `${'0x0000000000000000 0x0000000000000000 0x0000000000000000\n'.repeat(RESOURCE_LINES)}`,
    }
    for (const [file, content] of Object.entries(files)) writeFileSync(join(path, file), content)
    symlinkSync(join('../../..', folder), join(links, name))
  }
}

function endpointConfig(): Uint8Array {
  const config = new Uint8Array(256)
  config.set([0x86, 0x80, 0xca, 0x10, 0x06, 0x00, 0x10, 0x00, 0x01, 0x00, 0x00, 0x02, 0x00, 0x00, 0x80])
  config[0x34] = 0x40
  config.set([0x10, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x10], 0x40)
  return config
}

function bridgeConfig(secondary: number): Uint8Array {
  const config = new Uint8Array(256)
  config.set([0x36, 0x1b, 0x0c, 0x00, 0x06, 0x00, 0x10, 0x00, 0x00, 0x00, 0x04, 0x06, 0x00, 0x00, 0x81])
  config.set([0, secondary, secondary], 0x18)
  config[0x34] = 0x40
  config.set([0x10, 0x00, 0x42, 0x01], 0x40)
  return config
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
