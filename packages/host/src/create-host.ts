/**
 * The composition root: loads modules and plugins, wires one host, and binds what its config names.
 */
import { hardwareModule } from '@vfiokit/hardware/module'
import { type AnyLockingStrategy, LockRegistry } from '@vfiokit/locking'
import { LOCK_REGISTRY, LOCKING_STRATEGY, lockingModule } from '@vfiokit/locking/module'
import { lockingStrategiesModule } from '@vfiokit/locking-strategies/module'
import type { Plugin } from '@vfiokit/plugin'
import { Bdf, type Diagnostic, type Topology } from '@vfiokit/topology'
import { TOPOLOGY, TOPOLOGY_READER, TOPOLOGY_READERS, topologyModule } from '@vfiokit/topology/module'
import { type KernelVersion, kernelProfile, VfioError } from '@vfiokit/vfio-core'
import {
  CHOSEN_STRATEGY,
  KERNEL_PROFILE,
  VFIO_CORE,
  VFIO_HOST,
  vfioCoreModule,
} from '@vfiokit/vfio-core/module'
import type { PluginFailureLog } from '@vfiokit/vfio-pci'
import { PCI_BUS, PLUGIN_FAILURE_LOG, REGION_PROVIDER, vfioPciModule } from '@vfiokit/vfio-pci/module'
import { Container } from 'inversify'
import { ConfigError } from './config-error.ts'
import type { Host } from './host.ts'
import type { HostDocument } from './host-schema.ts'
import type { Complaint } from './input-file.ts'
import { PciOperator } from './pci-operator.ts'
import { checkPlugin, type LoadedPlugin, loadPlugin } from './plugin-loader.ts'
import { chooseStrategy } from './strategy-choice.ts'
import { readTopology } from './topology-source.ts'

/** What a host is made of. */
export interface HostConfig {
  /** By default the newest that is known. */
  readonly kernel?: KernelVersion | undefined
  /** A topology, or where to get one. */
  readonly topology: Topology | HostDocument['topology']
  /** Functions for vfio-pci, by BDF. */
  readonly bind?: readonly string[] | undefined
  /** Package names, paths, or plugins themselves. */
  readonly plugins?: readonly (string | Plugin)[] | undefined
  /** By name, or a strategy itself; by default the kernel's own. */
  readonly strategy?: string | AnyLockingStrategy | undefined
  /** Whether locks are queue-fair, as in Linux. True by default. */
  readonly fairLocks?: boolean | undefined
  /** What paths and package names are relative to; by default the current folder. */
  readonly folder?: string | undefined
  readonly onPluginFailure?: PluginFailureLog | undefined
  /** Puts a complaint about the config at its place in a file. */
  readonly complain?: ((at: readonly (string | number)[], complaint: Complaint) => Diagnostic) | undefined
}

/**
 * Brings a host up.
 *
 * @throws ConfigError with one diagnostic per defect of the config: plugins, strategy, functions to
 *   bind. Faults of the topology that could be worked around are in `warnings` of the host.
 */
export async function createHost(config: HostConfig): Promise<Host> {
  const complain = config.complain ?? plainComplaint
  const plugins = await loadPlugins(config, complain)
  const container = new Container()
  container.load(
    topologyModule,
    hardwareModule,
    lockingModule,
    lockingStrategiesModule,
    vfioCoreModule,
    vfioPciModule,
  )
  bindPlugins(container, plugins)
  const topology = topologyOf(config, container)
  const profile = kernelProfile(config.kernel)
  const strategy = strategyOf(config, container, profile.defaultStrategy, complain)
  container.bind(TOPOLOGY).toConstantValue(topology)
  container.bind(KERNEL_PROFILE).toConstantValue(profile)
  container.bind(CHOSEN_STRATEGY).toConstantValue(strategy)
  container.bind(PLUGIN_FAILURE_LOG).toConstantValue(config.onPluginFailure ?? (() => {}))
  if (config.fairLocks === false) {
    await container.unbindAsync(LOCK_REGISTRY)
    container.bind(LOCK_REGISTRY).toConstantValue(new LockRegistry({ fair: false }))
  }
  const bus = container.get(PCI_BUS)
  const operator = new PciOperator(bus)
  bindFunctions(config.bind ?? [], operator, complain)
  return {
    topology,
    strategy,
    plugins,
    vfio: container.get(VFIO_HOST),
    operator,
    core: container.get(VFIO_CORE),
    bus,
    warnings: topology.faults,
    container,
  }
}

type Complain = NonNullable<HostConfig['complain']>

const plainComplaint: Complain = (at, complaint) => ({
  severity: 'error',
  ...complaint,
  message: `${at.join('.')}: ${complaint.message}`,
})

async function loadPlugins(config: HostConfig, complain: Complain): Promise<readonly Plugin[]> {
  const folder = config.folder ?? process.cwd()
  const loaded = await Promise.all(
    (config.plugins ?? []).map(
      async (plugin): Promise<LoadedPlugin> =>
        typeof plugin === 'string' ? loadPlugin(plugin, folder) : checkPlugin(plugin.name, plugin),
    ),
  )
  const defects = loaded.flatMap((each, at) =>
    'complaint' in each ? [complain(['plugins', at], each.complaint)] : [],
  )
  if (defects.length > 0) throw new ConfigError(defects)
  return loaded.flatMap((each) => ('plugin' in each ? [each.plugin] : []))
}

function bindPlugins(container: Container, plugins: readonly Plugin[]): void {
  for (const plugin of plugins) {
    for (const provider of plugin.regionProviders ?? [])
      container.bind(REGION_PROVIDER).toConstantValue(provider)
    for (const strategy of plugin.lockingStrategies ?? [])
      container.bind(LOCKING_STRATEGY).toConstantValue(strategy)
    for (const reader of plugin.topologyReaders ?? []) container.bind(TOPOLOGY_READER).toConstantValue(reader)
  }
}

function topologyOf({ topology, folder }: HostConfig, container: Container): Topology {
  if ('functions' in topology) return topology
  return readTopology(topology, folder ?? process.cwd(), container.get(TOPOLOGY_READERS))
}

function strategyOf(
  { strategy }: HostConfig,
  container: Container,
  fallback: string,
  complain: Complain,
): AnyLockingStrategy {
  if (strategy !== undefined && typeof strategy !== 'string') return strategy
  const chosen = chooseStrategy(strategy ?? fallback, container.getAll(LOCKING_STRATEGY))
  if ('code' in chosen) throw new ConfigError([complain(['strategy'], chosen)])
  return chosen
}

/** Binds each function; those that cannot be are all named. */
function bindFunctions(functions: readonly string[], operator: PciOperator, complain: Complain): void {
  const defects = functions.flatMap((name, at) => {
    const bdf = Bdf.tryParse(name)
    if (bdf === undefined)
      return [
        complain(['bind', at], {
          code: 'bdf-syntax',
          message: 'not a PCI address',
          expected: 'dddd:bb:dd.f',
          found: name,
        }),
      ]
    try {
      operator.bind(bdf, 'vfio-pci')
      return []
    } catch (cause) {
      if (!VfioError.is(cause)) throw cause
      return [complain(['bind', at], { code: 'bind-refused', message: cause.message, found: name })]
    }
  })
  if (defects.length > 0) throw new ConfigError(defects)
}
