/**
 * MessageSource: what MSI and MSI-X have in common. A device sends by vector; the source looks up address and data,
 * and holds the message back (pending) while its vector is masked.
 */
export interface MessageSource {
  readonly enabled: boolean
  /** Vectors that the host enabled; 0 when messages are off. */
  readonly vectors: number
  /** Configuration registers (of 32 bits) whose change must be followed by `update`. */
  readonly watched: readonly number[]
  /** Sends, or marks as pending. The vector is below `vectors`. */
  send(vector: number): void
  /** The registers changed: what is pending and not masked any more goes out. */
  update(): void
}

/** The device's write of a message; it may be lost (bus master off). */
export type SendMessage = (address: bigint, data: number) => void
