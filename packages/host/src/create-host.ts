/**
 * The composition root: loads modules and plugins, wires one host, and binds what its config names.
 */
import type { DeviceModelFactory, Firmware } from '@vfiokit/hardware'
import {
  DEVICE_MODEL_FACTORY,
  FIRMWARE,
  FUNCTION_PROFILE_SOURCE,
  type FunctionProfileSource,
  hardwareModule,
} from '@vfiokit/hardware/module'
import { type AnyLockingStrategy, LockRegistry } from '@vfiokit/locking'
import { LOCK_REGISTRY, LOCKING_STRATEGY, lockingModule } from '@vfiokit/locking/module'
import { lockingStrategiesModule } from '@vfiokit/locking-strategies/module'
import type { Plugin } from '@vfiokit/plugin'
import { formatDiagnostic, type Topology } from '@vfiokit/topology'
import { TOPOLOGY, TOPOLOGY_READER, TOPOLOGY_READERS, topologyModule } from '@vfiokit/topology/module'
import { KERNEL_VERSIONS, type KernelProfile, type KernelVersion, kernelProfile } from '@vfiokit/vfio-core'
import {
  CHOSEN_STRATEGY,
  KERNEL_PROFILE,
  VFIO_CORE,
  VFIO_HOST,
  vfioCoreModule,
} from '@vfiokit/vfio-core/module'
import type { ModuleOptions, PluginFailureLog } from '@vfiokit/vfio-pci'
import {
  CAPABILITY_HANDLER,
  MODULE_OPTIONS,
  PCI_BUS,
  PLUGIN_FAILURE_LOG,
  REGION_PROVIDER,
  VARIANT_DRIVER,
  VENDOR_RESET,
  vfioPciModule,
} from '@vfiokit/vfio-pci/module'
import { Container, type ServiceIdentifier } from 'inversify'
import { bindFunctions } from './bind-functions.ts'
import { type Complain, ConfigError, complainPlainly } from './config-error.ts'
import { deviceModels } from './device-models.ts'
import type { Host } from './host.ts'
import type { HostDocument } from './host-schema.ts'
import { PciOperator } from './pci-operator.ts'
import { loadPlugins } from './plugin-loader.ts'
import { chooseStrategy, repeatedNames } from './strategy-choice.ts'
import { readTopology } from './topology-source.ts'

/** What a host is made of. */
export interface HostConfig {
  /** By default the newest that is known. */
  readonly kernel?: KernelVersion | undefined
  /** A topology, or where to get one. */
  readonly topology: Topology | HostDocument['topology']
  /** What was measured of functions; what it does not know, tables decide. */
  readonly functionProfiles?: FunctionProfileSource | undefined
  /** JSON of register profiles, by `vvvv-dddd`: what is behind the BARs of such devices. Absent: memory. */
  readonly registerProfiles?: Readonly<Record<string, unknown>> | undefined
  /** Who answers for the BARs of functions; asked before the register profiles; in the end, plain memory. */
  readonly deviceModels?: readonly DeviceModelFactory[] | undefined
  /** Memory by physical address, and numbers of functions. */
  readonly firmware?: Firmware | undefined
  /** Functions for vfio-pci, by BDF. */
  readonly bind?: readonly string[] | undefined
  /**
   * False for a kernel that was built without nodes of devices and `/dev/iommu` (CONFIG_VFIO_DEVICE_CDEV). By default
   * every version that can have them has them.
   */
  readonly deviceNodes?: boolean | undefined
  /** Of vfio-pci, by the names that the kernel gives them. */
  readonly moduleOptions?: ModuleOptions | undefined
  /** Package names, paths, or plugins themselves. */
  readonly plugins?: readonly (string | Plugin)[] | undefined
  /** By name, or a strategy itself; by default the kernel's own. */
  readonly strategy?: string | AnyLockingStrategy | undefined
  /** Whether locks are queue-fair, as in Linux. True by default. */
  readonly fairLocks?: boolean | undefined
  /** What paths and package names are relative to; by default the current folder. */
  readonly folder?: string | undefined
  /** Told about every plugin that misbehaves, as it happens; `host.bus` keeps them as well. */
  readonly onPluginFailure?: PluginFailureLog | undefined
  /** Puts a complaint about the config at its place in a file; by default the message names the place. */
  readonly complain?: Complain | undefined
}

/**
 * Brings a host up.
 *
 * @throws ConfigError with one diagnostic per defect of the config: plugins, topology, kernel, strategy,
 *   functions to bind. Faults of the topology that could be worked around are in `warnings` of the host.
 *
 * @example
 * ```ts
 * import { createHost } from '@vfiokit/host'
 *
 * const functions = [{ bdf: '0000:00:02.0', id: '1234:0001', class: '020000', iommuGroup: 0 }]
 * const host = await createHost({ topology: { inline: { functions } }, bind: ['00:02.0'] })
 * console.log(host.strategy.name, [...host.core.devices.keys()]) // => unmap-range [ '0000:00:02.0' ]
 * ```
 */
export async function createHost(config: HostConfig): Promise<Host> {
  const { complain = complainPlainly } = config
  const container = new Container()
  container.load(
    topologyModule,
    hardwareModule,
    lockingModule,
    lockingStrategiesModule,
    vfioCoreModule,
    vfioPciModule,
  )
  const plugins = await loadPlugins(config.plugins ?? [], config.folder ?? '.', complain)
  bindPlugins(container, plugins, complain)
  const { topology, warnings } = readTopology(config, container.get(TOPOLOGY_READERS))
  const known = profileOf(config.kernel, complain)
  const profile = { ...known, deviceNodes: known.deviceNodes && config.deviceNodes !== false }
  const strategies = container.getAll(LOCKING_STRATEGY)
  const strategy = chooseStrategy(config.strategy ?? profile.defaultStrategy, strategies, complain)
  container.bind(TOPOLOGY).toConstantValue(topology)
  container.bind(KERNEL_PROFILE).toConstantValue(profile)
  container.bind(CHOSEN_STRATEGY).toConstantValue(strategy)
  if (config.functionProfiles !== undefined)
    container.bind(FUNCTION_PROFILE_SOURCE).toConstantValue(config.functionProfiles)
  const measured = config.registerProfiles === undefined ? [] : deviceModels(config.registerProfiles)
  for (const model of [...(config.deviceModels ?? []), ...measured])
    container.bind(DEVICE_MODEL_FACTORY).toConstantValue(model)
  if (config.firmware !== undefined) container.bind(FIRMWARE).toConstantValue(config.firmware)
  container.bind(MODULE_OPTIONS).toConstantValue(config.moduleOptions ?? {})
  container.bind(PLUGIN_FAILURE_LOG).toConstantValue(config.onPluginFailure ?? (() => {}))
  if (config.fairLocks === false)
    container.rebind(LOCK_REGISTRY).toConstantValue(new LockRegistry({ fair: false }))
  const bus = container.get(PCI_BUS)
  const operator = new PciOperator(bus)
  bindFunctions(config.bind ?? [], operator, complain)
  return {
    get topology() {
      return bus.topology
    },
    strategy,
    strategies,
    plugins,
    vfio: container.get(VFIO_HOST),
    operator,
    core: container.get(VFIO_CORE),
    bus,
    warnings,
    warningLines: warnings.map(formatDiagnostic),
    container,
  }
}

function bindPlugins(container: Container, plugins: readonly Plugin[], complain: Complain): void {
  const repeated = repeatedNames(plugins, {
    lockingStrategies: container.getAll(LOCKING_STRATEGY).map(({ name }) => name),
    topologyReaders: container.getAll(TOPOLOGY_READER).map(({ format }) => format),
  })
  if (repeated.length > 0)
    throw new ConfigError(repeated.map(({ plugin, complaint }) => complain(['plugins', plugin], complaint)))
  for (const plugin of plugins)
    for (const [part, token] of PLUGIN_TOKENS)
      for (const each of plugin[part] ?? []) container.bind(token).toConstantValue(each)
}

/** What each part of a plugin is bound as. */
const PLUGIN_TOKENS: readonly (readonly [PluginPart, ServiceIdentifier<unknown>])[] = [
  ['regionProviders', REGION_PROVIDER],
  ['variantDrivers', VARIANT_DRIVER],
  ['resetMethods', VENDOR_RESET],
  ['capabilityHandlers', CAPABILITY_HANDLER],
  ['lockingStrategies', LOCKING_STRATEGY],
  ['topologyReaders', TOPOLOGY_READER],
]
type PluginPart = Exclude<keyof Plugin, 'kind' | 'name' | 'api'>

function profileOf(kernel: KernelVersion | undefined, complain: Complain): KernelProfile {
  if (kernel === undefined || KERNEL_VERSIONS.includes(kernel)) return kernelProfile(kernel)
  const expected = KERNEL_VERSIONS.join(', ')
  throw new ConfigError([
    complain(['kernel'], {
      code: 'kernel-unknown',
      message: 'no kernel that is known',
      expected,
      found: String(kernel),
    }),
  ])
}
