/**
 * The administrator's side of a host: which driver has what, and physical config space.
 *
 * Optional: a host that has none simply does not carry such operations.
 */
import type { Awaitable } from '@vfiokit/locking'

/** What an administrator does through sysfs. Failures are VfioError. */
export interface HostOperator {
  /** Binds a device to a driver. */
  bind(device: string, driver: string): Awaitable<void>
  /** Takes the driver away. */
  unbind(device: string): Awaitable<void>
  /** Reads physical config space, past everything that vfio makes up. */
  readConfig(device: string, offset: number, lengthBytes: number): Awaitable<Uint8Array>
  writeConfig(device: string, offset: number, data: Uint8Array): Awaitable<void>
  /** Where a symbolic link of `/sys/bus/pci/devices/<device>` leads; EINVAL for what is no link. */
  readLink(device: string, name: string): Awaitable<string>
  /** An attribute of `/sys/bus/pci/devices/<device>`; of a link, the name of what it leads to. */
  readAttribute(device: string, name: string): Awaitable<string>
  writeAttribute(device: string, name: string, value: string): Awaitable<void>
}
