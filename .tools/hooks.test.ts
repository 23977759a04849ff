/** docs/hooks.md: every hook of a kernel driver, the member of a plugin for it, and a test of that. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { filesBelow, root } from './packages.mjs'

/** Hooks of `vfio_pci_regops`, `vfio_device_ops` and what stands beside them in drivers of Linux 7.2. */
const HOOKS = [
  ...['rw', 'release', 'mmap', 'add_capability', 'vfio_pci_register_dev_region'],
  ...['name', 'init', 'release', 'open_device', 'close_device', 'read', 'write', 'mmap', 'ioctl'],
  ...['get_region_info_caps', 'device_feature', 'request', 'match', 'match_token_uuid'],
  ...['bind_iommufd', 'unbind_iommufd', 'attach_ioas', 'detach_ioas'],
  ...['pasid_attach_ioas', 'pasid_detach_ioas', 'dma_unmap', 'get_dmabuf_phys'],
  ...['migration_set_state', 'migration_get_state', 'migration_get_data_size'],
  ...['log_start', 'log_stop', 'log_read_and_clear'],
  ...['reset_prepare', 'reset_done', 'error_detected', 'sriov_configure'],
  ...['vfio_pci_core_enable', '_finish_enable', '_disable', 'vfio_pci_core_register_dev_region'],
  ...['vfio_pci_core_setup_barmap', 'vfio_pci_core_ioread*', 'vfio_pci_core_do_io_rw'],
  ...['vfio_pci_core_range_intersect_range', '__vfio_pci_memory_enabled', 'vfio_pci_vmf_insert_pfn'],
  ...['vfio_pci_config_rw_single', 'vfio_info_add_capability', 'vfio_pci_core_fill_phys_vec'],
]

/** What the page calls by one name: the interfaces whose members it has. */
const TOGETHER: Readonly<Record<string, readonly string[]>> = {
  Region: ['OfKind', 'RegionBase', 'MappableRegion', 'UntiedRegion', 'BarBackedBody'],
}

/** Interfaces of which every member has a row. */
const WHOLE = [
  ...['Region', 'RegionProvider', 'RegionHost', 'OwnConfig', 'RegionConfig', 'RegionBar', 'OtherFunction'],
  ...['Variant', 'VariantDriver', 'VariantFeature', 'VariantMigration', 'VariantDmaLog', 'BarCut'],
  ...['MigrationSource', 'MigrationSink'],
]

const read = (file: string) => readFileSync(join(root, file), 'utf8')
const sources = ['region', 'variant'].flatMap((folder) =>
  filesBelow(`packages/vfio-pci/src/${folder}`).filter((file) => !file.endsWith('.test.ts')),
)
const members = new Map(sources.flatMap((file) => membersIn(file, read(file))))
const testFiles = filesBelow('packages').filter((file) => file.endsWith('.test.ts'))
const rows = rowsOf(read('docs/hooks.md'))

/** The members that each type of a file declares. */
function membersIn(file: string, text: string): [type: string, names: string[]][] {
  const { statements } = ts.createSourceFile(file, text, ts.ScriptTarget.Latest)
  return statements.flatMap((statement): [string, string[]][] => {
    if (ts.isInterfaceDeclaration(statement)) return [[statement.name.text, namesOf(statement.members)]]
    if (!ts.isTypeAliasDeclaration(statement) || !ts.isIntersectionTypeNode(statement.type)) return []
    const own = statement.type.types.filter((part) => ts.isTypeLiteralNode(part))
    return [[statement.name.text, own.flatMap((part) => namesOf(part.members))]]
  })
}

function namesOf(list: readonly ts.TypeElement[]): string[] {
  return list.flatMap(({ name }) => (name !== undefined && ts.isIdentifier(name) ? [name.text] : []))
}

function membersOf(type: string): string[] {
  return (TOGETHER[type] ?? [type]).flatMap((each) => members.get(each) ?? [])
}

interface Row {
  readonly hook: string
  /** Those that it names. */
  readonly hooks: readonly string[]
  readonly member: string
  /** `Type.member`, each. */
  readonly named: readonly string[]
  readonly proof: string
}

function rowsOf(page: string): Row[] {
  return [...page.matchAll(/^\| (.+) \|$/gm)]
    .map(([, row]) => row!.split(' | ').map((cell) => cell.trim()))
    .filter(([, member]) => member !== 'member' && !/^-+$/.test(member!))
    .map(([hook = '', member = '', proof = '']) => ({
      hook,
      hooks: codeIn(hook).map((name) => name.split('.').at(-1)!),
      member,
      named: codeIn(member).filter((name) => /^[A-Z]\w+\.\w+$/.test(name)),
      proof,
    }))
}

function codeIn(cell: string): string[] {
  return [...cell.matchAll(/`([^`]+)`/g)].map(([, code]) => code!)
}

/** Names of members that are not in the interface. */
function unknownMembers({ named }: Pick<Row, 'named'>): string[] {
  return named.filter((name) => {
    const [type = '', member = ''] = name.split('.')
    return !membersOf(type).includes(member)
  })
}

/** What is wrong with a proof; undefined when the file has a test of that name. */
function proofDefect(proof: string): string | undefined {
  const [, file, title = ''] = /^`([\w-]+\.test\.ts)` (.+)$/.exec(proof) ?? []
  if (file === undefined) return `${proof}: no file and title`
  const paths = testFiles.filter((path) => path.endsWith(`/${file}`))
  if (paths.length === 0) return `${file} is not there`
  const quoted = new RegExp(`\\(\\s*(['"\`])${title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}\\1,`)
  return paths.some((path) => quoted.test(read(path))) ? undefined : `${file} has no test "${title}"`
}

describe('the hooks of a kernel driver', () => {
  test('are all there, as often as the kernel has them', () => {
    const shown = rows.flatMap(({ hooks }) => hooks)
    const timesIn = (list: readonly string[], hook: string) => list.filter((each) => each === hook).length
    expect(HOOKS.filter((hook) => timesIn(shown, hook) < timesIn(HOOKS, hook))).toEqual([])
  })

  test.each(rows)('$hook', (row) => {
    expect(unknownMembers(row)).toEqual([])
    const hasNone = row.member.startsWith('none')
    if (hasNone) expect(row.member).toMatch(/^none( of its own)?: \S/)
    if (row.proof !== '' || !hasNone) expect(proofDefect(row.proof)).toBeUndefined()
  })

  test('have rows for every member of a plugin', () => {
    const named = new Set(rows.flatMap((row) => row.named))
    const all = WHOLE.flatMap((type) => membersOf(type).map((member) => `${type}.${member}`))
    expect(all.filter((name) => !named.has(name))).toEqual([])
    expect(WHOLE.filter((type) => membersOf(type).length === 0)).toEqual([])
  })
})

describe('what is wrong is found out', () => {
  test.each(['Region.reed', 'Regions.read', 'Variant.open'])('the member %s', (name) => {
    expect(unknownMembers({ named: [name] })).toEqual([name])
  })

  test.each([
    '',
    '`no-file.test.ts` it maps memory that is there',
    '`region-host.test.ts` it maps memory',
    '`region-host.test.ts` it maps memory that is not there',
  ])('the proof "%s"', (proof) => {
    expect(proofDefect(proof)).toBeDefined()
  })
})
