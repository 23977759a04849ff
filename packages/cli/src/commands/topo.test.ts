import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const SNAPSHOT = fileURLToPath(new URL('../../../../examples/demo/multifn.json', import.meta.url))

const TREE = `-[0000:00]-+-00.0
           +-01.0-[01]--+-00.0
           |            +-00.1
           |            +-00.2
           |            \\-00.3
           +-02.0-[02]--+-00.0
           |            \\-00.1
           +-03.0
           +-03.1
           +-04.0
           +-1f.0
           +-1f.2
           \\-1f.3
`

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'vfiokit-topo-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  return made
}

/** A copy of sysfs with a port and a card below it. */
function sysfs(): string {
  const root = folder()
  const write = (name: string, path: string, config: Uint8Array) => {
    mkdirSync(join(root, path), { recursive: true })
    writeFileSync(join(root, path, 'config'), config)
    writeFileSync(join(root, path, 'vendor'), '0x1b36\n')
    symlinkSync(join('../../..', path), join(root, 'bus/pci/devices', name))
  }
  mkdirSync(join(root, 'bus/pci/devices'), { recursive: true })
  const header = (type: number, rest: readonly number[] = []) => {
    const config = new Uint8Array(256)
    config.set([0x36, 0x1b, 0x0c, 0x00], 0)
    config[0x0b] = type === 1 ? 0x06 : 0x02
    config[0x0a] = type === 1 ? 0x04 : 0x00
    config[0x0e] = type
    config.set(rest, 0x18)
    return config
  }
  write('0000:00:01.0', 'devices/pci0000:00/0000:00:01.0', header(1, [0, 1, 1]))
  write('0000:01:00.0', 'devices/pci0000:00/0000:00:01.0/0000:01:00.0', header(0))
  return root
}

describe('topo', () => {
  test('--tree is the tree of lspci, from a file', async () => {
    expect(await vfiokit(['topo', '--from', SNAPSHOT, '--tree'])).toEqual({ code: 0, out: TREE, err: '' })
  })

  test('--tree of a copy of sysfs reads addresses and headers alone', async () => {
    const { code, out, err } = await vfiokit(['topo', '--from', sysfs(), '--tree'])
    expect({ code, out, err }).toEqual({ code: 0, out: '-[0000:00]---01.0-[01]----00.0\n', err: '' })
  })

  test('without a flag names, groups, slots and drivers stand behind the addresses', async () => {
    const { out } = await vfiokit(['topo', '--from', SNAPSHOT])
    expect(out).toContain('+-00.0  Red Hat, Inc. QEMU NVM Express Controller  group 6, slot 1, vfio-pci')
    expect(out).toContain('+-00.2  Device 1234:11e8  group 6')
  })

  test('--lspci is one line a function, with names and ids', async () => {
    const { out } = await vfiokit(['topo', '--from', SNAPSHOT, '--lspci'])
    expect(out.split('\n')[10]).toBe(
      '01:00.1 Ethernet controller [0200]: Intel Corporation 82574L Gigabit Network Connection [8086:10d3]',
    )
  })

  test('--groups says what joins the members of each', async () => {
    const { out } = await vfiokit(['topo', '--from', SNAPSHOT, '--groups'])
    expect(out).toContain(
      'group 6\n  0000:01:00.0  nothing joins it to another function\n  0000:01:00.1  it and 0000:01:00.0 are functions of one device',
    )
  })

  test('--json has every part, with groups as lists of members', async () => {
    const { out } = await vfiokit(['topo', '--from', SNAPSHOT, '--json'])
    const report = JSON.parse(out)
    expect(Object.keys(report)).toEqual(['functions', 'buses', 'slots', 'faults'])
    const edu = report.functions.find(({ bdf }: { bdf: string }) => bdf === '0000:01:00.2')
    expect(edu).toMatchObject({
      vendorId: '0x1234',
      slot: '1',
      parent: '0000:00:01.0',
      resetMethods: [],
      hotReset: {
        possible: true,
        reported: ['0000:01:00.0', '0000:01:00.1', '0000:01:00.2', '0000:01:00.3'],
      },
      iommuGroup: { actual: ['0000:01:00.0', '0000:01:00.1', '0000:01:00.2', '0000:01:00.3'] },
    })
    expect(edu.iommuGroup.predicted).toEqual(edu.iommuGroup.actual)
  })

  test('--yaml can be read again, and nothing differs', async () => {
    const file = join(folder(), 'machine.yaml')
    writeFileSync(file, (await vfiokit(['topo', '--from', SNAPSHOT, '--yaml'])).out)
    expect(await vfiokit(['topo', 'diff', SNAPSHOT, file])).toMatchObject({ code: 0 })
  })

  test('a terminal gets lines of its width, and colours unless told not to', async () => {
    const { out } = await vfiokit(['topo', '--from', SNAPSHOT, '--tree'], { isTTY: true, columns: 20 })
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBe(20)
    expect((await vfiokit(['topo', '--from', SNAPSHOT], { isTTY: true, columns: 200 })).out).toContain(
      '\u001b[36m',
    )
    const env = { NO_COLOR: '1' }
    expect(
      (await vfiokit(['topo', '--from', SNAPSHOT], { isTTY: true, columns: 200, env })).out,
    ).not.toContain('\u001b')
  })

  test('faults are counted on stderr, and listed when asked for', async () => {
    const file = join(folder(), 'broken.yaml')
    writeFileSync(file, "vfiokit: topology/1\nfunctions:\n  - {bdf: '01:00.0', vender: 1}\n")
    const plain = await vfiokit(['topo', '--from', file])
    expect(plain).toMatchObject({ code: 0 })
    expect(plain.err).toMatch(/^\d+ faults? in the data/)
    const listed = await vfiokit(['topo', '--from', file, '--faults'])
    expect(listed.out).toContain(`${file}:3:`)
    expect(listed.err).toBe('')
  })

  test.each([
    ['a file that is not there', ['topo', '--from', '/nowhere.json'], 'there is no such file'],
    ['a folder without sysfs', ['topo', '--from', tmpdir()], 'there is no such file'],
    ['a format that nobody knows', ['topo', '--from', SNAPSHOT, '--format', 'toml'], 'no such format'],
    ['a kernel that nobody knows', ['topo', '--from', SNAPSHOT, '--kernel', '3.2'], 'expected 5.10'],
  ])('%s: exit 2, and why', async (_what, args, why) => {
    const { code, out, err } = await vfiokit(args)
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain(why)
  })
})

describe('topo diff and what-if', () => {
  test('nothing differs: exit 0; something does: exit 1, and what', async () => {
    expect(await vfiokit(['topo', 'diff', SNAPSHOT, SNAPSHOT])).toMatchObject({ code: 0, err: '' })
    const file = join(folder(), 'other.json')
    writeFileSync(
      file,
      readFileSync(SNAPSHOT, 'utf8').replaceAll('bus/pci/drivers/vfio-pci', 'bus/pci/drivers/nvme'),
    )
    const { code, out } = await vfiokit(['topo', 'diff', SNAPSHOT, file])
    expect(code).toBe(1)
    expect(out).toContain('nvme')
    expect(JSON.parse((await vfiokit(['topo', 'diff', '--json', SNAPSHOT, file])).out).isEmpty).toBe(false)
  })

  test('what-if shows what an edit changes', async () => {
    const { code, out } = await vfiokit(['topo', 'what-if', SNAPSHOT, 'remove 0000:01:00.3'])
    expect(code).toBe(0)
    expect(out).toContain('- function 0000:01:00.3')
  })

  test.each([
    ['an edit that is no edit', 'explode 01:00.0'],
    ['a function that is not there', 'remove 0000:7f:00.0'],
  ])('%s: exit 2, nothing on stdout', async (_what, edit) => {
    const { code, out, err } = await vfiokit(['topo', 'what-if', SNAPSHOT, edit])
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).not.toBe('')
  })
})

describe('advise', () => {
  test('verdict first, then reasons and steps', async () => {
    const { code, out } = await vfiokit(['advise', '01:00.2', '--from', SNAPSHOT])
    expect(code).toBe(0)
    expect(out.split('\n')[0]).toBe('ready: 0000:01:00.2 can be given away as it is')
    expect(out).toContain('Reset methods: none')
    expect(out).toContain('Hot reset: possible')
    expect(out).toMatch(/Next steps:\n {2}1\. /)
  })

  test('a "no" is an answer: exit 0, with the way out', async () => {
    const { code, out } = await vfiokit(['advise', '00:01.0', '--from', SNAPSHOT])
    expect(code).toBe(0)
    expect(out).toMatch(/^no: 0000:00:01.0 is a bridge/)
    expect(out).toContain('1. Give what is below it instead: 0000:01:00.0')
  })

  test('--json is the advice as data', async () => {
    const { out } = await vfiokit(['advise', '01:00.0', '--from', SNAPSHOT, '--json'])
    expect(JSON.parse(out)).toMatchObject({ bdf: '0000:01:00.0', verdict: 'ready' })
  })

  test.each([
    ['nonsense', 'not a PCI address'],
    ['0000:7f:00.0', 'is not in this machine'],
  ])('%s: exit 2', async (bdf, why) => {
    const { code, err } = await vfiokit(['advise', bdf, '--from', SNAPSHOT])
    expect(code).toBe(2)
    expect(err).toContain(why)
  })
})
