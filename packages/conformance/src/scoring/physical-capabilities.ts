/** Where two capabilities lie in a configuration space: PM and MSI. */

const CAPABILITY_POINTER = 0x34
const PM = 0x01
const MSI = 0x05
/** Message control: 64-bit addresses. */
const MSI_IS_64_BIT = 0x80
/** Offset of PMCSR in its capability. */
const PMCSR = 4

/** Offset of a capability. */
function find(config: Uint8Array, id: number): number | undefined {
  let at = config[CAPABILITY_POINTER] ?? 0
  for (let seen = 0; at >= 0x40 && seen < 64; seen += 1) {
    if (config[at] === id) return at
    at = (config[at + 1] ?? 0) & 0xfc
  }
  return undefined
}

/** Offsets of the bytes of MSI address and data. */
export function messageBytes(config: Uint8Array): ReadonlySet<number> {
  const at = find(config, MSI)
  if (at === undefined) return new Set()
  const addressBytes = (config[at + 2]! & MSI_IS_64_BIT) === 0 ? 4 : 8
  return new Set(Array.from({ length: addressBytes + 2 }, (_, byte) => at + 4 + byte))
}

/** Offset of the byte of PMCSR that holds the power state. */
export function powerStateByte(config: Uint8Array): number | undefined {
  const at = find(config, PM)
  return at === undefined ? undefined : at + PMCSR
}
