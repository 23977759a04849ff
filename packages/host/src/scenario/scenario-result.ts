/** What a run of a scenario came to, as data: this is what `--json` prints. */
import type { BlockedTask, InvariantReport, LockUse, Violation } from '@vfiokit/locking'
import type { Bdf } from '@vfiokit/topology'
import type { Vma } from '@vfiokit/vfio-core'
import type { Host } from '../host.ts'
import type { Verdict } from './scenario-schema.ts'
import type { Stage } from './stage.ts'
import type { MappingCounts, RunCounts, Timeline, TimelineEvent } from './timeline.ts'

/** What a run under one strategy came to. */
export interface ScenarioResult {
  readonly strategy: string
  readonly seed: number
  readonly kernel: string
  readonly verdict: Verdict
  /** What the scenario expects of this strategy: `ok` when it says nothing. */
  readonly expected: Verdict
  /** Steps of simulated time. */
  readonly steps: number
  readonly invariants: readonly InvariantReport[]
  readonly mappings: readonly MappingResult[]
  readonly regions: readonly RegionResult[]
  /** Plugins that match a function and add no region to it, under this kernel or in this machine. */
  readonly idlePlugins: readonly IdlePlugin[]
  readonly counts: RunCounts
  /** Tasks that wait for ever, and what they hold. */
  readonly blocked: readonly string[]
  /** Tasks that ended with what is no answer of the ABI, and a run that was stopped. */
  readonly failures: readonly string[]
  /** What plugins did wrong, a line each. */
  readonly pluginFailures: readonly string[]
  readonly timeline: readonly TimelineEvent[]
}

/** What pages are: `bar` goes with the memory of the device. `none`: there are no such pages. */
export type Backing = 'bar' | 'memory' | 'physical' | 'none'

/** A mapping after a run. */
export interface MappingResult extends MappingCounts {
  readonly name: string
  readonly process: string
  readonly device: Bdf
  readonly region: number
  /** `none`: not mapped any more. */
  readonly backing: Backing
  readonly presentPages: number
  /** It has pages, and none was ever taken away. */
  readonly survived: boolean
}

/** A region that a plugin added, or a BAR that it answers for. */
export interface RegionResult {
  readonly device: string
  readonly index: number
  readonly provider: string
  readonly sizeBytes: number
  readonly mappable: boolean
  readonly backing: Backing
}

/** A plugin that is for a function, and adds no region to it. */
export interface IdlePlugin {
  readonly provider: string
  readonly device: string
}

/** The mappings of a scenario as they are now. */
export function mappingResults(stage: Stage, timeline: Timeline): MappingResult[] {
  return [...stage.mappings].map(([name, { process, device, region }]) => {
    const vmas = stage.vmas(name)
    const counts = timeline.mapping(stage.vmaId(name))
    const presentPages = vmas.reduce((sum, vma) => sum + vma.presentPages, 0)
    return {
      name,
      process,
      device: stage.bdfs.get(device)!,
      region,
      backing: backingOf(vmas[0]),
      presentPages,
      ...counts,
      survived: presentPages > 0 && counts.zappedPages === 0,
    }
  })
}

function backingOf(vma: Vma | undefined): Backing {
  if (vma === undefined) return 'none'
  return vma.followsMemory ? 'bar' : 'memory'
}

/** What plugins answer for on open devices: BARs, then regions that they added. */
export function regionResults({ core, bus }: Host): RegionResult[] {
  return [...core.devices.values()].flatMap((device) =>
    (bus.driverOf(device)?.open?.pluginRegions ?? []).map((own) => ({
      device: device.id,
      index: own.index,
      provider: own.provider,
      sizeBytes: own.sizeBytes,
      mappable: own.region.fault !== undefined,
      backing: own.region.backing ?? 'none',
    })),
  )
}

/** Plugins without a region for an open device that they match. */
export function idlePlugins({ core, bus }: Host): IdlePlugin[] {
  return [...core.devices.values()].flatMap((device) =>
    (bus.driverOf(device)?.open?.idleProviders ?? []).map((provider) => ({ provider, device: device.id })),
  )
}

/** One line for a task that waits for ever. */
export function describeBlocked({ task, waitsFor, holds }: BlockedTask): string {
  return `${task} waits for ${lockText(waitsFor)}, holds ${holds.map(lockText).join(', ') || 'nothing'}`
}

function lockText({ lock, mode }: LockUse): string {
  return `${lock.name} (${mode})`
}

/** The invariant that broke first, and where. */
export function firstViolation({
  invariants,
}: ScenarioResult): (Violation & { readonly id: string }) | undefined {
  const broken = invariants.flatMap(({ id, violation }) =>
    violation === undefined ? [] : [{ id, ...violation }],
  )
  return broken.sort((a, b) => a.step - b.step)[0]
}
