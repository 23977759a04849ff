/** Which driver has which function, which one it would get, and who enabled it besides vfio-pci. */
import type { Bdf, PciFunction, Topology } from '@vfiokit/topology'

/** The driver's name, as in sysfs. */
export const VFIO_PCI = 'vfio-pci'

/** Drivers that do not make DMA of their own, beside vfio-pci. */
export const HARMLESS_DRIVERS: ReadonlySet<string> = new Set([VFIO_PCI, 'pci-stub', 'pcieport'])

/** What sysfs prints for no override. */
const NO_OVERRIDE: ReadonlySet<string | undefined> = new Set([undefined, '', '(null)'])

/** The drivers of one machine. */
export class DriverBindings {
  readonly #drivers = new Map<Bdf, string | undefined>()
  readonly #overrides = new Map<Bdf, string>()
  readonly #natives = new Map<Bdf, string>()
  readonly #enabled = new Map<Bdf, number>()

  /** What the source says was bound to vfio-pci is driverless here until somebody binds it. */
  constructor(topology: Topology) {
    for (const fn of topology.functions) this.#learn(fn)
  }

  driver(bdf: Bdf): string | undefined {
    return this.#drivers.get(bdf)
  }

  give(bdf: Bdf, driver: string): void {
    this.#drivers.set(bdf, driver)
  }

  takeAway(bdf: Bdf): void {
    this.#drivers.set(bdf, undefined)
  }

  /** The function is no more. */
  forget(bdf: Bdf): void {
    for (const each of [this.#drivers, this.#overrides, this.#natives, this.#enabled]) each.delete(bdf)
  }

  /** sysfs `driver_override`. */
  override(bdf: Bdf): string | undefined {
    return this.#overrides.get(bdf)
  }

  setOverride(bdf: Bdf, driver: string): void {
    if (NO_OVERRIDE.has(driver)) this.#overrides.delete(bdf)
    else this.#overrides.set(bdf, driver)
  }

  /** Whether a driver takes a function: the override decides alone; without one, who had it at first. */
  takes(driver: string, bdf: Bdf): boolean {
    return this.wanted(bdf) === driver
  }

  /** The driver that probing a function would find. */
  wanted(bdf: Bdf): string | undefined {
    return this.#overrides.get(bdf) ?? this.#natives.get(bdf)
  }

  /** How often a function is enabled by others than vfio-pci. Kernel: `enable_cnt`. */
  enabledByOthers(bdf: Bdf): number {
    return this.#enabled.get(bdf) ?? 0
  }

  setEnabledByOthers(bdf: Bdf, count: number): void {
    this.#enabled.set(bdf, count)
  }

  #learn({ bdf, driver, attributes }: PciFunction): void {
    const { driver_override: override, enable } = attributes
    if (override !== undefined) this.setOverride(bdf, override)
    if (driver === VFIO_PCI) return
    this.#drivers.set(bdf, driver)
    if (driver !== undefined) this.#natives.set(bdf, driver)
    const count = Number(enable)
    if (Number.isSafeInteger(count)) this.#enabled.set(bdf, count)
  }
}
