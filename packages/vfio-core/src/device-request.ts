/**
 * What GROUP_GET_DEVICE_FD is asked: `<name>`, or `<name> vf_token=<uuid>`. Kernel: `vfio_pci_core_match`.
 *
 * The name ends at the first space. Whatever else directly follows a name makes it another name.
 */
import { VfioError } from './vfio-error.ts'

const UUID = '[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'
const OPTIONS = new RegExp(`^ *(?:vf_token=(${UUID}) *)?$`)

/** A device by name, and the token that the asker shows. */
export interface DeviceRequest {
  readonly name: string
  /** As it was written, or undefined when none was given. */
  readonly vfToken: string | undefined
}

/** The name in a request, whatever is behind it: an unknown device is reported before a bad option. */
export function requestedName(text: string): string {
  const end = text.indexOf(' ')
  return end < 0 ? text : text.slice(0, end)
}

/**
 * Takes a request apart.
 *
 * @throws VfioError EINVAL for an unknown or repeated option, or a token that is no UUID.
 */
export function parseDeviceRequest(text: string): DeviceRequest {
  const name = requestedName(text)
  const options = OPTIONS.exec(text.slice(name.length))
  if (options === null)
    throw new VfioError('EINVAL', 'bad-name', `"${text.slice(name.length)}" behind ${name}`)
  return { name, vfToken: options[1] }
}
