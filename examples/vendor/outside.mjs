/**
 * Follows the guide as its reader would: in empty folders, with the packages as they are published.
 *
 *   vendor      the files of docs/guides/vendor.md, `vfiokit run` and `record`, its tests, every command on migration, and
 *               the same from TypeScript
 *   researcher  every file, change and command of docs/guides/researcher.md, and what each command prints
 *   plugins     `vfiokit plugin new` of each kind: the package passes its tests, builds and runs
 *   each way    one provider in two versions, from tarballs, a file and bundles, in one host; strategies and a reader
 *               with copies of our packages of their own
 *   topology    @vfiokit/topology alone: no container comes with it, and it says what a reset reaches
 *
 * Two parts at a time, each in a process of its own: `node outside.mjs NAME FOLDER` does one, with what FOLDER/packed has.
 *
 * The packages must be built. Exit code 1 with what is wrong.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { changed, stepsOf, withoutTimes } from '../researcher/guide.mjs'
import { compareCopies } from './copies.mjs'
import { loadEachWay } from './each-way.mjs'
import { filesOf, missingLines, recordingsOf, stepsOfSection } from './guide.mjs'

const root = fileURLToPath(new URL('../..', import.meta.url))
const PNPM = 'pnpm@10.34.9'
const SNAPSHOT = 'examples/demo/multifn.json'
const RESET_DOMAIN = `import { Bdf, resetDomain } from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
const topology = readTopologyFile('multifn.json')
const { hot } = resetDomain(topology, Bdf.parse('0000:01:00.0'))
console.log(hot.functions.join(' '))
`

/** What a package manager above tells its scripts is not for the ones below; where the registry is, is. */
const env = Object.fromEntries(
  Object.entries({ ...process.env, NO_COLOR: '1' }).filter(
    ([name]) => !/^npm_|^INIT_CWD$|^FORCE_COLOR$/i.test(name) || /registry$/i.test(name),
  ),
)

/**
 * @param {string} cwd
 * @param {string} command
 * @param {string[]} args
 * @returns {string} what it printed
 */
function run(cwd, command, ...args) {
  const { status, stdout, stderr, error } = spawnSync(command, args, { cwd, env, encoding: 'utf8' })
  if (status === 0) return stdout
  throw new Error(
    `"${command} ${args.join(' ')}" ends with ${status ?? error}\n${stdout ?? ''}${stderr ?? ''}`,
  )
}

/**
 * @param {string} what
 * @param {string} text
 * @param {RegExp} expected
 */
function demand(what, text, expected) {
  if (!expected.test(text)) throw new Error(`${what}: ${expected} is not in\n${text}`)
}

/** Packs every package. @param {string} folder */
function pack(folder) {
  const packages = ['packages', 'packages/region-providers']
    .flatMap((top) => readdirSync(join(root, top)).map((name) => join(root, top, name)))
    .filter((each) => existsSync(join(each, 'package.json')))
  for (const each of packages) {
    for (const built of ['dist/index.js', 'dist/index.d.ts'])
      if (!existsSync(join(each, built))) throw new Error(`${join(each, built)} is missing: build first`)
    run(each, 'npx', '-y', PNPM, 'pack', '--pack-destination', folder)
  }
}

/** @param {string} folder @param {string[]} archives */
async function followGuide(folder, archives) {
  mkdirSync(folder)
  const files = filesOf(readFileSync(join(root, 'docs/guides/vendor.md'), 'utf8'))
  const typescript = files.get('index.ts') ?? ''
  files.delete('index.ts')
  for (const [name, content] of files) writeFileSync(join(folder, name), content)
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', ...archives)
  demandRegion(folder)
  demand('npx vitest run', run(folder, 'npx', 'vitest', 'run'), /Tests +\d+ passed/)
  compareWithRecording(folder)
  recordVariants(folder)
  migrate(folder, archives)
  await watchPlugin(folder)
  rmSync(join(folder, 'index.js'))
  writeFileSync(join(folder, 'index.ts'), typescript)
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', '--save-dev', 'typescript@6')
  const options = ['--module', 'nodenext', '--target', 'es2023', '--skipLibCheck']
  run(folder, 'npx', 'tsc', 'index.ts', ...options)
  demandRegion(folder)
}

/** @param {string} folder */
function demandRegion(folder) {
  const output = run(folder, 'npx', 'vfiokit', 'run', 'scenario.yaml')
  demand('npx vfiokit run scenario.yaml', output, /^brightline +0000:01:00\.0 +9 +64 +trapped$/m)
}

/** What calls of a user come to, with the variant drivers of the guide. @param {string} folder */
function recordVariants(folder) {
  for (const { script, host, lines } of recordingsOf(
    readFileSync(join(root, 'docs/guides/vendor.md'), 'utf8'),
  )) {
    const printed = run(folder, 'npx', 'vfiokit', 'record', script, '--host', host).split('\n')
    const missing = lines.filter((line) => !printed.includes(line))
    if (missing.length > 0) throw new Error(`${script} does not print\n${missing.join('\n')}`)
  }
}

/** Every command of the section on migration, with the driver that it makes. @param {string} folder @param {string[]} archives */
function migrate(folder, archives) {
  const guide = readFileSync(join(root, 'docs/guides/vendor.md'), 'utf8')
  for (const step of stepsOfSection(guide, 'Migration')) {
    if (step.do === 'change') {
      const file = join(folder, step.name)
      writeFileSync(file, changed(readFileSync(file, 'utf8'), step))
      continue
    }
    const commands = step.commands.replace(
      /npm install \S+/,
      `npm install --no-audit --no-fund ${archives.join(' ')}`,
    )
    const missing = missingLines(step.lines, run(folder, 'bash', '-e', '-c', commands))
    if (missing.length > 0) throw new Error(`${step.commands}does not print\n${missing.join('\n')}`)
  }
}

/** The same plugin does the same; one that maps another page is shown with the words of the guide. @param {string} folder */
function compareWithRecording(folder) {
  const vfiokit = ['vfiokit', 'run', 'scenario.yaml']
  run(folder, 'npx', ...vfiokit, '--record', 'run.jsonl')
  demand('--against', run(folder, 'npx', ...vfiokit, '--against', 'run.jsonl'), /the same as run\.jsonl/)
  const plugin = readFileSync(join(folder, 'index.js'), 'utf8')
  writeFileSync(join(folder, 'index.js'), plugin.replace('TRIGGER = 0x1000', 'TRIGGER = 0x2000'))
  const { status, stdout } = spawnSync('npx', [...vfiokit, '--against', 'run.jsonl'], {
    cwd: folder,
    env,
    encoding: 'utf8',
  })
  writeFileSync(join(folder, 'index.js'), plugin)
  const guide = readFileSync(join(root, 'docs/guides/vendor.md'), 'utf8')
  const shown = /```text\n(scenario\.yaml: call [\s\S]*?)```/.exec(guide)?.[1] ?? 'nothing'
  if (status !== 1 || !stdout.startsWith(shown))
    throw new Error(`--against ends with ${status} and prints\n${stdout}\ninstead of\n${shown}`)
}

/** Counters grow while the scenario is watched: what is told is what the guide shows. @param {string} folder */
async function watchPlugin(folder) {
  const child = spawn(
    process.execPath,
    ['node_modules/vfiokit/dist/bin.js', 'run', 'scenario.yaml', '--watch'],
    {
      cwd: folder,
      env,
    },
  )
  const ended = new Promise((resolve) => child.on('close', resolve))
  let printed = ''
  /** @type {() => void} */
  let wake = () => {}
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (text) => {
      printed += text
      wake()
    })
  void ended.then(() => wake())
  const waits = async (/** @type {number} */ times) => {
    while (child.exitCode === null && printed.split('waiting for changes').length <= times)
      await new Promise((resolve) => {
        wake = () => resolve(undefined)
      })
  }
  await waits(1)
  const plugin = readFileSync(join(folder, 'index.js'), 'utf8')
  writeFileSync(join(folder, 'index.js'), plugin.replace('sizeBytes: 64', 'sizeBytes: 128'))
  await waits(2)
  child.kill('SIGINT')
  const code = await ended
  writeFileSync(join(folder, 'index.js'), plugin)
  const guide = readFileSync(join(root, 'docs/guides/vendor.md'), 'utf8')
  const shown = /```text\n(index\.js: loaded [\s\S]*?)```/.exec(guide)?.[1] ?? 'nothing'
  if (code !== 0 || !printed.includes(shown))
    throw new Error(`--watch ends with ${code} and prints\n${printed}\ninstead of\n${shown}`)
}

/** @param {string} folder @param {string[]} archives */
function followResearcherGuide(folder, archives) {
  mkdirSync(folder)
  let isInstalled = false
  for (const step of stepsOf(readFileSync(join(root, 'docs/guides/researcher.md'), 'utf8'))) {
    const file = 'name' in step ? join(folder, step.name) : folder
    if (step.do === 'write') writeFileSync(file, step.content)
    else if (step.do === 'change') writeFileSync(file, changed(readFileSync(file, 'utf8'), step))
    else {
      if (!isInstalled) run(folder, 'npm', 'install', '--no-audit', '--no-fund', ...archives)
      isInstalled = true
      demandOutput(folder, step)
    }
  }
}

/** Some commands end with 1, and say why: what they print is what counts. */
function demandOutput(/** @type {string} */ cwd, /** @type {{ command: string, prints: string }} */ step) {
  const { stdout, stderr } = spawnSync('bash', ['-c', step.command], { cwd, env, encoding: 'utf8' })
  // What npm says of its own settings is not what the command prints.
  const said = stderr.replace(/^npm (?:warn|notice) .*\n/gm, '')
  const [printed, expected] = [withoutTimes(stdout + said), withoutTimes(step.prints)]
  if (printed !== expected) throw new Error(`"${step.command}" prints\n${printed}\ninstead of\n${expected}`)
}

const PLUGINS = [
  {
    kind: 'region',
    name: '@acme/fast-card',
    folder: 'fast-card',
    starts: /^@acme\/fast-card +0000:01:00\.0 +10 +8192/m,
  },
  {
    kind: 'variant',
    name: 'card',
    folder: 'card',
    starts: /^card +0000:01:00\.0 +2 +8192 +mappable, backed by memory$/m,
  },
  { kind: 'strategy', name: 'calm', folder: 'calm', starts: /^calm +ok .*exhaustive/m },
  {
    kind: 'reader',
    name: 'table-reader',
    folder: 'table-reader',
    starts: /^card +0000:01:00\.0 +1e5a:0001 +2 /m,
  },
]

/** Begins plugins where the command is installed, as in the folder of a host. @param {string} folder @param {string[]} archives */
function beginPlugins(folder, archives) {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}\n')
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', ...archives)
  for (const { kind, name, folder: own, starts } of PLUGINS) {
    run(folder, 'npx', 'vfiokit', 'plugin', 'new', name, '--kind', kind)
    const place = join(folder, own)
    run(place, 'npm', 'install', '--no-audit', '--no-fund', ...archives)
    demand(`npm test of a new ${kind}`, run(place, 'npm', 'test'), /Tests +\d+ passed/)
    demand(`npm start of a new ${kind}`, run(place, 'npm', 'start'), starts)
  }
}

/** @param {string} folder @param {string[]} archives */
function useTopologyAlone(folder, archives) {
  mkdirSync(folder)
  const archive = archives.find((each) => /vfiokit-topology-/.test(each)) ?? ''
  writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}\n')
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', archive)
  const listed = run(folder, 'npm', 'ls', '--all')
  demand('npm ls --all', listed, /@vfiokit\/topology@/)
  demand('npm ls --all without a container', listed, /^(?![\s\S]*(inversify|reflect-metadata))/)
  copyFileSync(join(root, SNAPSHOT), join(folder, 'multifn.json'))
  writeFileSync(join(folder, 'reset-domain.js'), RESET_DOMAIN)
  const domain = run(folder, process.execPath, 'reset-domain.js')
  demand(
    'the reset domain of 0000:01:00.0',
    domain,
    /^0000:01:00\.0 0000:01:00\.1 0000:01:00\.2 0000:01:00\.3$/m,
  )
}

/** Where esbuild is: whatever builds the packages has it. */
function esbuildHere() {
  const builder = createRequire(join(root, 'package.json')).resolve('tsup')
  return createRequire(builder).resolve('esbuild/bin/esbuild')
}

/** @param {string} folder @param {string[]} archives */
function eachWay(folder, archives) {
  const tools = { run, esbuild: esbuildHere() }
  const loaded = loadEachWay(folder, archives, tools)
  demand(
    'providers loaded in each way',
    loaded,
    /^9 16 7\n10 32 7\n11 48 7\n12 64 EPERM\n13 80 9\n0 failures\n$/,
  )
  const same = compareCopies(folder, join(root, SNAPSHOT), tools)
  console.log(
    `ok     strategies and a reader with copies of their own: ${same} answers as of those that ship`,
  )
}

/**
 * What is done in a folder of each name, and what it shows. The longest come first.
 *
 * @type {Readonly<Record<string, readonly [shows: string, go: (folder: string, archives: string[]) => unknown]>>}
 */
const PARTS = {
  vendor: ['docs/guides/vendor.md, followed in an empty folder', followGuide],
  'each-way': ['providers in two versions, from a file and from bundles, in one host', eachWay],
  plugins: ['vfiokit plugin new of each kind, in an empty folder', beginPlugins],
  researcher: ['docs/guides/researcher.md, followed in an empty folder', followResearcherGuide],
  topology: ['@vfiokit/topology alone, in an empty folder', useTopologyAlone],
}
/** Most of the time is spent in programs that use one processor each. */
const AT_ONCE = 2

/** Does one part. @param {string} name @param {string} temporary */
async function part(name, temporary) {
  const [shows, go] = PARTS[name] ?? []
  if (go === undefined) throw new Error(`no part is called ${name}, but ${Object.keys(PARTS).join(', ')}`)
  const packed = join(temporary, 'packed')
  await go(
    join(temporary, name),
    readdirSync(packed).map((file) => join(packed, file)),
  )
  console.log(`ok     ${shows}`)
}

/** Does every part, each in a process of its own. @returns {Promise<boolean>} whether all are right */
async function allParts() {
  const temporary = mkdtempSync(join(tmpdir(), 'vfiokit-outside-'))
  mkdirSync(join(temporary, 'packed'))
  pack(join(temporary, 'packed'))
  const left = Object.keys(PARTS)
  const wrong = []
  const work = async () => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      const child = spawn(process.execPath, [fileURLToPath(import.meta.url), name, temporary], {
        stdio: 'inherit',
      })
      const [status] = await once(child, 'exit')
      if (status !== 0) wrong.push(name)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  if (wrong.length === 0) rmSync(temporary, { recursive: true })
  else console.error(`FAILED ${wrong.join(', ')} (what is left: ${temporary})`)
  return wrong.length === 0
}

const [chosen, place] = process.argv.slice(2)
try {
  if (chosen === undefined || place === undefined) process.exitCode = (await allParts()) ? 0 : 1
  else await part(chosen, place)
} catch (error) {
  console.error(`FAILED ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
}
