/** Module options, by the names that the kernel gives them. */
export interface ModuleOptions {
  /** Functions that nobody uses stay on. */
  readonly disable_idle_d3?: boolean
  /** Physical functions may make virtual ones while vfio-pci drives them. */
  readonly enable_sriov?: boolean
  /** Interrupt pins are masked at the interrupt controller, not by the function. */
  readonly nointxmask?: boolean
}
