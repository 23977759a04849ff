/**
 * Advice: can this function be given to a virtual machine, and what would it take?
 *
 * Verdict first, then why: its IOMMU group, what has to be bound to vfio-pci, what a reset of it hits, which reset
 * methods remain, and the next steps in order. Everything is derived from the topology alone.
 */
import type { Bdf } from './bdf.ts'
import { type HotReset, hotReset } from './hot-reset.ts'
import { type GroupVerdict, predictGroups } from './iommu-group.ts'
import type { KernelName } from './kernel-profile.ts'
import type { PciFunction } from './pci-function.ts'
import { explainResetMethods, type ResetMethodVerdict } from './reset-methods.ts'
import type { Topology } from './topology.ts'

/**
 * `ready`: nothing has to be changed. `possible`: after the steps. `with-care`: possible, but the device cannot be
 * reset between users. `no`: not this function, or not in this machine as it is.
 */
export type AdviceVerdict = 'ready' | 'possible' | 'with-care' | 'no'

export interface AdviceGroup {
  /** In BDF order, the function included. */
  readonly members: readonly Bdf[]
  /** `actual`: the source has the kernel's groups. `predicted`: as Linux would form them with an IOMMU. */
  readonly source: 'actual' | 'predicted'
  /** What joins the function to the others, in words. */
  readonly why: string
  readonly confidence: GroupVerdict['confidence']
}

export interface Advice {
  readonly bdf: Bdf
  readonly verdict: AdviceVerdict
  /** One sentence. */
  readonly summary: string
  readonly group: AdviceGroup
  /** Members of the group that a driver of the host has, and that must go to vfio-pci too. */
  readonly mustBind: readonly Bdf[]
  readonly hotReset: HotReset
  /** Every method, each with what stands in its way; undefined obstacle: it is offered. */
  readonly resetMethods: readonly ResetMethodVerdict[]
  /** What to do, in order. */
  readonly steps: readonly string[]
}

export interface AdviceOptions {
  readonly kernel?: KernelName
}

/** How many bits isolation takes. */
const ACS_BITS = 4

/** Drivers that a group may keep: they do no DMA for the host. */
const HARMLESS_DRIVERS: ReadonlySet<string> = new Set(['vfio-pci', 'pci-stub', 'pcieport'])

/**
 * @throws RangeError when the topology has no such function.
 *
 * @example
 * import { advise, Bdf, yamlReader } from '@vfiokit/topology'
 * const topology = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:01.0', id: '1b36:000c', class: '060400', iommuGroup: 1, bridge: {secondary: 1, subordinate: 1}}
 *   - {bdf: '01:00.0', id: '10de:2684', iommuGroup: 2, driver: nouveau, resetMethods: [bus]}
 *   - {bdf: '01:00.1', id: '10de:22ba', iommuGroup: 2, driver: snd_hda_intel, resetMethods: []}
 * `, {})
 * const { verdict, mustBind } = advise(topology, Bdf.parse('01:00.0'))
 * console.log(verdict, mustBind.join(' ')) // => possible 0000:01:00.0 0000:01:00.1
 */
export function advise(topology: Topology, bdf: Bdf, options: AdviceOptions = {}): Advice {
  const fn = topology.function(bdf)
  if (fn === undefined) throw new RangeError(`${bdf} is not in the topology`)
  const group = groupOf(topology, fn)
  const hasIommu = topology.functions.some(({ iommuGroup }) => iommuGroup !== undefined)
  const mustBind = group.members.filter((member) => needsBinding(topology.function(member)!))
  const reset = hotReset(topology, bdf, options)
  const methods = methodsOf(topology, fn, options)
  const facts: Facts = { topology, fn, group, hasIommu, mustBind, reset, methods }
  const { verdict, summary } = judge(facts)
  const steps = verdict === 'no' ? waysOut(facts) : stepsOf(facts)
  return { bdf, verdict, summary, group, mustBind, hotReset: reset, resetMethods: methods, steps }
}

interface Facts {
  readonly topology: Topology
  readonly fn: PciFunction
  readonly group: AdviceGroup
  readonly hasIommu: boolean
  readonly mustBind: readonly Bdf[]
  readonly reset: HotReset
  readonly methods: readonly ResetMethodVerdict[]
}

function groupOf(topology: Topology, fn: PciFunction): AdviceGroup {
  const predicted = predictGroups(topology, { acs: 'as-linux-enables' }).verdict(fn.bdf)!
  const { reason, confidence } = predicted
  const why = describeGroupReason(reason)
  if (fn.iommuGroup === undefined) return { members: predicted.members, source: 'predicted', why, confidence }
  const members = topology.functions
    .filter(({ iommuGroup }) => iommuGroup === fn.iommuGroup)
    .map((member) => member.bdf)
  return { members, source: 'actual', why, confidence }
}

/** What joins a function to its group, in words. */
export function describeGroupReason({ kind, because, missing }: GroupVerdict['reason']): string {
  const bits =
    missing.length === 0
      ? ''
      : missing.length === ACS_BITS
        ? ' (no access control)'
        : ` (no ${missing.join(', ')})`
  switch (kind) {
    case 'own':
      return 'nothing joins it to another function'
    case 'bridge-alias':
      return `its requests carry the id of the bridge ${because}`
    case 'port':
      return `the port ${because} does not isolate what is below it${bits}`
    case 'alias':
      return `it uses the same requester id as ${because}`
    case 'sibling':
      return `it and ${because} are functions of one device that does not isolate them${bits}`
  }
}

/** Bridges stay with their port driver; everything else that the host drives has to go. */
function needsBinding({ driver }: PciFunction): boolean {
  return driver !== undefined && !HARMLESS_DRIVERS.has(driver)
}

/** What the source recorded wins over what is predicted. */
function methodsOf(
  topology: Topology,
  fn: PciFunction,
  options: AdviceOptions,
): readonly ResetMethodVerdict[] {
  const predicted = explainResetMethods(topology, fn.bdf, options)
  if (fn.resetMethods === undefined) return predicted
  return predicted.map(({ method, obstacle }) => {
    const offered = fn.resetMethods!.includes(method)
    return { method, obstacle: offered ? undefined : (obstacle ?? 'not-advertised') }
  })
}

function judge(facts: Facts): { readonly verdict: AdviceVerdict; readonly summary: string } {
  const { topology, fn, hasIommu, mustBind, reset, methods } = facts
  if (fn.headerType !== 0)
    return { verdict: 'no', summary: `${fn.bdf} is a bridge: vfio-pci takes devices only` }
  const virtual = topology.virtualFunctions(fn.bdf).length
  if (virtual > 0)
    return {
      verdict: 'no',
      summary: `${fn.bdf} has ${virtual} virtual functions enabled: vfio-pci refuses it`,
    }
  if (!methods.some(({ obstacle }) => obstacle === undefined) && !reset.possible)
    return {
      verdict: 'with-care',
      summary: `${fn.bdf} can be given away, but nothing can reset it between users`,
    }
  if (hasIommu && mustBind.length === 0 && fn.driver === 'vfio-pci')
    return { verdict: 'ready', summary: `${fn.bdf} can be given away as it is` }
  return { verdict: 'possible', summary: `${fn.bdf} can be given away after ${needs(facts)}` }
}

function needs({ hasIommu, mustBind, fn }: Facts): string {
  if (!hasIommu) return 'the IOMMU is turned on'
  const others = mustBind.filter((bdf) => bdf !== fn.bdf).length
  if (others === 0) return 'it is bound to vfio-pci'
  return `it and ${others} other ${others === 1 ? 'function' : 'functions'} of its group are bound to vfio-pci`
}

function stepsOf(facts: Facts): readonly string[] {
  const { fn, group, hasIommu, mustBind, reset, methods } = facts
  const steps: string[] = []
  if (!hasIommu)
    steps.push(
      'Turn the IOMMU on in firmware setup and in the kernel (intel_iommu=on, or on by default with AMD), and look again: no function has a group',
    )
  const bind = new Set([...(fn.driver === 'vfio-pci' ? [] : [fn.bdf]), ...mustBind])
  for (const bdf of bind) steps.push(bindStep(facts.topology.function(bdf)!))
  if (group.members.length > 1 && mustBind.some((bdf) => bdf !== fn.bdf)) steps.push(...splitSteps(facts))
  if (!methods.some(({ obstacle }) => obstacle === undefined) && reset.possible)
    steps.push(`Give ${reset.reported.join(', ')} to the same user: a reset of one is a reset of all`)
  steps.push(`Give ${fn.bdf} to the virtual machine`)
  return steps
}

function bindStep({ bdf, driver }: PciFunction): string {
  const from =
    driver === undefined
      ? ''
      : `take it from ${driver}: echo ${bdf} > /sys/bus/pci/devices/${bdf}/driver/unbind; `
  const override = `echo vfio-pci > /sys/bus/pci/devices/${bdf}/driver_override; echo ${bdf} > /sys/bus/pci/drivers_probe`
  return `Bind ${bdf} to vfio-pci: ${from}${override}`
}

/** What would make the group smaller, and what that costs. */
function splitSteps({ topology, fn, group }: Facts): readonly string[] {
  const override = ['downstream', 'multifunction']
  const split = predictGroups(topology, { acs: 'as-linux-enables', override }).verdict(fn.bdf)!
  const steps = [`Or move the card to a slot below another port: ${group.why}`]
  if (split.members.length < group.members.length)
    steps.push(
      'Or, with a patched kernel, pcie_acs_override=downstream,multifunction: the group would shrink to ' +
        `${split.members.join(', ')}, without the isolation that the group stands for`,
    )
  return steps
}

function waysOut({ topology, fn }: Facts): readonly string[] {
  if (fn.headerType !== 0) {
    const below = topology.functionsBelow(fn.bdf).filter(({ headerType }) => headerType === 0)
    return below.length === 0
      ? []
      : [`Give what is below it instead: ${below.map(({ bdf }) => bdf).join(', ')}`]
  }
  return [
    `Give one of its virtual functions instead: ${topology
      .virtualFunctions(fn.bdf)
      .map(({ bdf }) => bdf)
      .join(', ')}`,
    `Or disable them: echo 0 > /sys/bus/pci/devices/${fn.bdf}/sriov_numvfs`,
  ]
}
