/** A plugin: what a package default-exports so that a host can load it by name or path. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import type { TopologyReader } from '@vfiokit/topology'
import type { CapabilityHandler, RegionProvider, VariantDriver, VendorReset } from '@vfiokit/vfio-pci'

/** The interface version that this package defines. A host loads plugins of this version only. */
export const PLUGIN_API = 1

/** What an author writes. Every part is optional; a plugin may bring several. */
export interface PluginDefinition {
  /** How messages call it: the package name, usually. */
  readonly name: string
  /** {@link PLUGIN_API} at the time of writing. */
  readonly api: number
  /** Sources of device-specific regions. */
  readonly regionProviders?: readonly RegionProvider[]
  /** Drivers beside vfio-pci, for devices that it alone does not do justice. */
  readonly variantDrivers?: readonly VariantDriver[]
  /** Ways to reset functions that only their vendor knows. */
  readonly resetMethods?: readonly VendorReset[]
  /** Capabilities that users see otherwise than vfio-pci shows them. */
  readonly capabilityHandlers?: readonly CapabilityHandler[]
  /** Strategies to choose from by name. */
  readonly lockingStrategies?: readonly AnyLockingStrategy[]
  /** Formats of machine descriptions. */
  readonly topologyReaders?: readonly TopologyReader[]
}

/** A definition that {@link definePlugin} has marked. */
export interface Plugin extends PluginDefinition {
  readonly kind: '@vfiokit/Plugin'
}

/**
 * Marks a definition as a plugin, so that two copies of this package still recognise each other's.
 *
 * @example
 * ```ts
 * import { definePlugin, isPlugin } from '@vfiokit/plugin'
 *
 * const plugin = definePlugin({ name: 'nothing', api: 1 })
 * console.log(isPlugin(plugin), plugin.name) // => true nothing
 * ```
 */
export function definePlugin(definition: PluginDefinition): Plugin {
  return Object.freeze({ ...definition, kind: '@vfiokit/Plugin' })
}

/** Whether something is a plugin, of whatever version. */
export function isPlugin(value: unknown): value is Plugin {
  return typeof value === 'object' && value !== null && (value as Plugin).kind === '@vfiokit/Plugin'
}
