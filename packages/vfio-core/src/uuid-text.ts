/** UUIDs as the kernel takes them: 16 bytes in the order of the text. */

export const UUID_BYTES = 16

/** `00112233-4455-6677-8899-aabbccddeeff` */
export function uuidText(bytes: Uint8Array): string {
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
