/**
 * PCI topology: functions, buses, slots and bridges from snapshots, sysfs or YAML, and what resets together.
 * @packageDocumentation
 */
export {}
