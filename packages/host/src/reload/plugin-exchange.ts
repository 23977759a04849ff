/** Puts new code behind the regions of open devices: between two runs, when nobody is inside a plugin. */
import type { Plugin } from '@vfiokit/plugin'
import { PluginCalls } from '@vfiokit/vfio-pci'
import { membersOf } from '../hooks/hooks.ts'
import type { OpensDevices } from '../hooks/opens-devices.ts'
import type { Host } from '../host.ts'
import type { Stage } from '../scenario/stage.ts'
import { type AnswerChange, answerChanges } from './answer-changes.ts'
import { obstaclesOf } from './exchange-obstacles.ts'
import { type ExchangeablePlugin, elementsOf, type Opened } from './exchangeable-plugin.ts'

/** An exchange that is prepared: the new code has been opened, the old is in place. */
export interface Exchange {
  /** What is different, a line each. */
  readonly changes: readonly string[]
  /** Why a running host cannot take it; empty: it can. */
  readonly needsHost: readonly string[]
  /** Closes the old code and puts the new in its place. @returns how many pages of mappings went. */
  commit(stage: Stage): number
  /** Closes what was opened. */
  abandon(): void
}

/** One open device, and what the new code answered for it. */
interface Replacement {
  readonly element: OpensDevices
  readonly opened: Opened
  readonly answer: unknown
  readonly host: Host
  /** Indexes of its regions; undefined: it may have to do with any. */
  readonly indexes: readonly number[] | undefined
}

/** Opens new code for every device that is open. @returns a failure when it throws: then nothing is open. */
export function planExchange(
  running: readonly ExchangeablePlugin[],
  plugins: readonly Plugin[],
  host: Host,
): Exchange | { readonly failure: string } {
  const changed = running.flatMap((each, at) =>
    each.current === plugins[at] ? [] : [{ each, next: plugins[at]! }],
  )
  const needsHost = changed.flatMap(({ each, next }) => obstacles(each, next, host))
  const replacements: Replacement[] = []
  if (needsHost.length === 0)
    for (const { each, next } of changed) {
      const failure = openNew(each, next, host, replacements)
      if (failure === undefined) continue
      closeAll(replacements)
      return { failure }
    }
  const differences = replacements.flatMap(differencesOf)
  return {
    changes: differences.map(({ text }) => text),
    needsHost: [...new Set([...needsHost, ...differences.flatMap(({ needsOpen }) => needsOpen ?? [])])],
    abandon: () => closeAll(replacements),
    commit: (stage) => {
      const zapped = replacements.reduce((sum, each) => sum + zap(stage, each), 0)
      for (const each of replacements) exchange(each)
      for (const { each, next } of changed) adopt(each, next)
      return zapped
    },
  }
}

/** Before anything is opened. */
function obstacles(each: ExchangeablePlugin, next: Plugin, host: Host): string[] {
  const others = partChanges(each, next)
  if (others.length > 0) return others
  const elements = elementsOf(next)
  return each.slots.flatMap((slot) => obstaclesOf(slot, elements.get(slot.place)!, host))
}

/** What every plugin has. */
const DESCRIBES: ReadonlySet<string> = new Set(['kind', 'name', 'api'])

/** A host takes strategies, readers and names of providers when it is made. */
function partChanges({ current, slots }: ExchangeablePlugin, next: Plugin): string[] {
  const others = (plugin: Plugin) =>
    Object.keys(plugin).filter((part) => !DESCRIBES.has(part) && !isDevicePart(plugin, part))
  const [part] = [...others(current), ...others(next)]
  if (part !== undefined) return [`${next.name} brings ${part}, which a host takes when it is made`]
  const elements = elementsOf(next)
  const same =
    elements.size === slots.length &&
    slots.every(({ place, proxies }) => elements.get(place)?.name === (proxies.current as OpensDevices).name)
  return same ? [] : [`${next.name} has other providers, which a host takes when it is made`]
}

function isDevicePart(plugin: Plugin, part: string): boolean {
  return [...elementsOf(plugin).keys()].some((place) => place.startsWith(`${part}[`))
}

/** @returns what went wrong. What was opened by then is in the list. */
function openNew(
  each: ExchangeablePlugin,
  next: Plugin,
  host: Host,
  replacements: Replacement[],
): string | undefined {
  const elements = elementsOf(next)
  for (const slot of each.slots)
    for (const opened of slot.opened.values()) {
      const device = host.core.devices.get(opened.device)
      const open = device && host.bus.driverOf(device)?.open
      if (open === undefined) continue
      const element = elements.get(slot.place)!
      const own = opened.proxies.answer
      const indexes = Array.isArray(own)
        ? own.map((proxy) => open.regions.find(({ region }) => region === proxy)?.index ?? -1)
        : undefined
      try {
        replacements.push({ host, element, opened, indexes, answer: element.open(...opened.given) })
      } catch (cause) {
        const why = cause instanceof Error ? cause.message : String(cause)
        return `${element.name} on ${opened.device}: open failed: ${why}`
      }
    }
  return undefined
}

function differencesOf({ element, opened, answer, indexes }: Replacement): AnswerChange[] {
  const next = Math.max(8, ...(indexes ?? [])) + 1
  const name = (at: number) => `region ${indexes?.[at] ?? next + at - (indexes?.length ?? 0)}`
  return answerChanges(opened.proxies.current, answer, name).map(({ text, ...rest }) => {
    return { text: `${element.name} on ${opened.device}: ${text}`, ...rest }
  })
}

/** Pages of other regions stay, those of BARs among them. */
function zap(stage: Stage, { opened, indexes }: Replacement): number {
  let pages = 0
  for (const [name, { device, region }] of stage.mappings) {
    if (stage.bdfs.get(device) !== opened.device) continue
    if (indexes !== undefined && !indexes.includes(region)) continue
    for (const vma of stage.vmas(name)) pages += vma.zap()
  }
  return pages
}

function exchange(replacement: Replacement): void {
  const { opened, answer } = replacement
  const old = opened.proxies.current
  opened.proxies.current = answer
  closeAnswer(old, replacement)
}

function adopt(each: ExchangeablePlugin, next: Plugin): void {
  const elements = elementsOf(next)
  for (const { place, proxies } of each.slots) proxies.current = elements.get(place)
  each.current = next
}

function closeAll(replacements: readonly Replacement[]): void {
  for (const each of replacements) closeAnswer(each.answer, each)
}

/** What goes wrong is told as when a device is closed. */
function closeAnswer(answer: unknown, { host, element, opened }: Replacement): void {
  const calls = new PluginCalls(element.name, opened.device, host.bus.log)
  for (const each of Array.isArray(answer) ? new Set<unknown>(answer) : [answer])
    if (typeof each === 'object' && each !== null && membersOf(each).includes('close'))
      calls.tolerated('close', () => (each as { close(): unknown }).close())
}
