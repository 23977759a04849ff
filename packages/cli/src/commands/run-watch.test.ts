import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
import { main } from '../main.ts'
import { FileChanges } from './file-changes.ts'

const EXAMPLE = fileURLToPath(new URL('../../../../examples/vendor/', import.meta.url))

interface PluginParts {
  readonly counters?: string
  readonly more?: string
}

/** A plugin without imports: this folder has no packages. */
const pluginText = ({ counters = '', more = '' }: PluginParts = {}) => `
const kind = { vendor: 0x1e5a, subtype: 1 }
const memory = new Uint8Array(0x4000)
const regions = () => [
  { kind, sizeBytes: 64, read(offset, out) {}, ${counters} },
  { kind, sizeBytes: 4096, backing: 'bar', fault: (offset) => ({ bar: 0, offset: 0x1000 + offset }) },
  { kind, sizeBytes: 0x4000, backing: 'memory', fault: (offset) => ({ memory, offset }) },
  ${more}
]
const provider = { name: 'card', matches: (fn) => fn.vendorId === 0x1e5a, open: regions }
export default { kind: '@vfiokit/Plugin', name: 'card', api: 1, regionProviders: [provider] }
`

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'vfiokit-watch-'))
  onTestFinished(() => rmSync(made, { recursive: true, force: true }))
  for (const name of ['host.yaml', 'scenario.yaml']) copyFileSync(join(EXAMPLE, name), join(made, name))
  writeFileSync(join(made, 'package.json'), '{"type": "module"}')
  writeFileSync(join(made, 'index.js'), pluginText())
  return made
}

/** A watching command in this process. */
function watching(path: string) {
  let [out, err] = ['', '']
  const ended = main(['run', path, '--watch', '--no-timeline'], {
    out: {
      write: (text) => {
        out += text
      },
    },
    err: {
      write: (text) => {
        err += text
      },
    },
    env: {},
  })
  /** What was printed since the last time, once it waits for changes. */
  const printed = async () => {
    while (!err.endsWith('waiting for changes\n')) await setTimeout(5)
    const said = { out, err: err.split('\n').slice(0, -2).join('\n') }
    out = ''
    err = ''
    return said
  }
  return { ended, printed }
}

test('a changed plugin is loaded into the running host, one that cannot be loaded is not', async () => {
  const place = folder()
  const write = (text: string) => writeFileSync(join(place, 'index.js'), text)
  const { ended, printed } = watching(join(place, 'scenario.yaml'))
  expect((await printed()).out).toContain('card    0000:01:00.0       9     64  trapped')

  write(pluginText({ counters: 'sizeBytes: 128, write(offset, data) {}' }))
  const { out } = await printed()
  expect(out).toMatch(/^\S*index\.js: loaded into the running host\n/)
  expect(out).toContain('  card on 0000:01:00.0: region 9 has 128 bytes, had 64\n')
  expect(out).toContain('  card on 0000:01:00.0: region 9: write is new\n')
  expect(out).toMatch(/ {2}zapped \d pages?\n/)
  expect(out).toMatch(/unmap-range +\d+ .* ok\n/)

  write('export default {')
  const broken = await printed()
  expect(broken.out).toBe('nothing is changed: the host goes on as it is\n\n')
  expect(broken.err).toContain('plugin ./index.js cannot be loaded (expected a module that loads, found ')

  write(pluginText({ more: '{ kind, sizeBytes: -1 }' }))
  expect((await printed()).out).toMatch(
    /not used: the host goes on with the old one\n {2}because .*sizeBytes is -1/,
  )

  write(pluginText({ more: '{ kind, sizeBytes: 8, read() {} }' }))
  const grown = (await printed()).out
  expect(grown).toContain(
    'loaded into a new host\n  because region indexes are given when a device is opened\n',
  )
  expect(grown).toContain('card on 0000:01:00.0: region 12 is new: 8 bytes, trapped')

  process.emit('SIGINT')
  expect(await ended).toBe(0)
})

test('a changed scenario gets a new host, one that is wrong does not; a module beside the plugin counts', async () => {
  const place = folder()
  writeFileSync(join(place, 'size.js'), 'export const size = 64')
  const counters = 'sizeBytes: size'
  writeFileSync(join(place, 'index.js'), `import { size } from './size.js'\n${pluginText({ counters })}`)
  const { ended, printed } = watching(join(place, 'scenario.yaml'))
  await printed()
  writeFileSync(join(place, 'size.js'), 'export const size = 32')
  expect((await printed()).out).toContain('region 9 has 32 bytes, had 64')

  writeFileSync(join(place, 'scenario.yaml'), 'vfiokit: scenario/1')
  expect(await printed()).toMatchObject({
    out: expect.stringContaining('nothing is changed'),
    err: expect.stringContaining('scenario.yaml:1:'),
  })
  copyFileSync(join(EXAMPLE, 'scenario.yaml'), join(place, 'scenario.yaml'))
  expect((await printed()).out).toMatch(/scenario\.yaml: changed, a new host\n[\s\S]*plugin +function/)
  process.emit('SIGINT')
  expect(await ended).toBe(0)
})

test('a plugin that was not used is tried again with the next that changes', async () => {
  const place = folder()
  const [one, two] = ['one', 'two'].map((name) => join(place, name))
  for (const each of [one!, two!]) mkdirSync(each)
  const host = readFileSync(join(place, 'host.yaml'), 'utf8')
  writeFileSync(join(place, 'host.yaml'), host.replace('./index.js', './one/index.js, ./two/index.js'))
  const write = (text: string) => writeFileSync(join(one!, 'index.js'), text)
  const other = (version: number) =>
    writeFileSync(
      join(two!, 'index.js'),
      `globalThis.vfiokitOther = ${version}
export default { kind: '@vfiokit/Plugin', name: 'two', api: 1 }`,
    )
  write(pluginText())
  other(1)
  const { ended, printed } = watching(join(place, 'scenario.yaml'))
  await printed()
  write(pluginText({ more: '...(globalThis.vfiokitOther === 2 ? [] : [{}]), ', counters: 'sizeBytes: 128' }))
  expect((await printed()).out).toMatch(/one\/index\.js: not used/)
  other(2)
  const { out } = await printed()
  expect(out).toMatch(/one\/index\.js, .*two\/index\.js: loaded into the running host\n/)
  expect(out).toContain('region 9 has 128 bytes, had 64')
  process.emit('SIGINT')
  expect(await ended).toBe(0)
})

test('a scenario that cannot be run is 2 at once, and options that make no sense with it are refused', async () => {
  const place = folder()
  writeFileSync(join(place, 'index.js'), 'export default {')
  const { ended } = watching(join(place, 'scenario.yaml'))
  expect(await ended).toBe(2)
  const said: string[] = []
  const terminal = { out: { write: () => {} }, err: { write: (text: string) => said.push(text) }, env: {} }
  expect(await main(['run', 'x', '--watch', '--json'], terminal)).toBe(2)
  expect(said.join('')).toContain('cannot be used with')
})

test('the same text again is no change, and what changes between two looks is one', async () => {
  const place = folder()
  const file = join(place, 'index.js')
  const changes = new FileChanges()
  onTestFinished(() => changes.close())
  changes.look({ files: [], moduleFolders: [place] })
  writeFileSync(file, pluginText())
  writeFileSync(join(place, 'new.ts'), '')
  expect(await changes.next()).toEqual([join(place, 'new.ts')])
  rmSync(file)
  changes.look({ files: [], moduleFolders: [place] })
  expect(await changes.next()).toEqual([file])
  // The folder is gone, with all that was in it.
  rmSync(place, { recursive: true })
  expect(await changes.next()).toContain(join(place, 'new.ts'))
  changes.close()
  expect(await changes.next()).toBeUndefined()
})
