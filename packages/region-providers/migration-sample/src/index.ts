/**
 * A variant driver that migrates a sample card: its state is the first registers of BAR 0.
 *
 *   stop-copy  the whole state, while the card stands still
 *   pre-copy   the state while it runs, and what has changed once it stands still
 *   dirty log  which memory the card wrote by DMA
 *
 * The stream is a list of pieces, each an offset, a length and so many bytes; the last one is a checksum.
 * @packageDocumentation
 */
import {
  definePlugin,
  type MigrationSink,
  type MigrationSource,
  type MigrationStateName,
  type Plugin,
  type RegionBar,
  type RegionHost,
  type Variant,
  type VariantDmaLog,
  type VariantDriver,
  type VariantMigration,
  type VfioErrno,
} from '@vfiokit/plugin'
import { Card } from './card.ts'
import { type Piece, piecesIn, writtenPieces } from './stream.ts'

const VENDOR = 0x1e5a
const DEVICE = 0x0002

/** Migration of the sample card. */
export const migrationSample: VariantDriver = {
  name: 'migration-sample',
  matches: ({ vendorId, deviceId }) => vendorId === VENDOR && deviceId === DEVICE,
  open: (host): Variant => ({ migration: new CardMigration(host.bar(0)), dmaLog: dmaLog(host) }),
}

/** One card on its way out or in. */
class CardMigration implements VariantMigration {
  readonly p2p = true
  readonly preCopy = true
  readonly #card: Card
  #saving: Saving | undefined
  #resuming: Resuming | undefined

  constructor(registers: RegionBar) {
    this.#card = new Card(registers)
  }

  /** What is not named here needs nothing of this card: it has no clock to stop. */
  step(
    from: MigrationStateName,
    to: MigrationStateName,
  ): MigrationSource | MigrationSink | VfioErrno | undefined {
    const done = STEPS[`${from} ${to}`]
    return done === undefined ? undefined : done.call(this)
  }

  dataSizeBytes(): number {
    return writtenPieces([{ offset: 0, bytes: this.#card.state() }], true).length
  }

  discard(): void {
    this.#saving = undefined
    this.#resuming = undefined
  }

  save(isStopped: boolean): MigrationSource {
    this.#saving = new Saving(this.#card, isStopped)
    return this.#saving
  }

  /** The stream goes on, with what has changed since. */
  finish(): undefined {
    this.#saving?.stop()
    return undefined
  }

  resume(): MigrationSink {
    this.#resuming = new Resuming()
    return this.#resuming
  }

  /** Nothing of a stream that is not whole reaches the card. */
  load(): VfioErrno | undefined {
    const pieces = piecesIn(this.#resuming!.bytes)
    if (pieces === undefined || !this.#card.takes(pieces)) return 'EINVAL'
    this.#card.load(pieces)
    return undefined
  }
}

type Step = (this: CardMigration) => MigrationSource | MigrationSink | VfioErrno | undefined

/** What the steps between two states do. */
const STEPS: Readonly<Record<string, Step>> = {
  'STOP STOP_COPY': function () {
    return this.save(true)
  },
  'RUNNING PRE_COPY': function () {
    return this.save(false)
  },
  'RUNNING_P2P PRE_COPY_P2P': function () {
    return this.save(false)
  },
  'PRE_COPY_P2P STOP_COPY': function () {
    return this.finish()
  },
  'STOP RESUMING': function () {
    return this.resume()
  },
  'RESUMING STOP': function () {
    return this.load()
  },
}

/** State on its way out. */
class Saving implements MigrationSource {
  /** As the other side knows it. */
  #sent: Uint8Array
  #pending: Uint8Array
  #isStopped: boolean

  constructor(
    readonly card: Card,
    isStopped: boolean,
  ) {
    this.#sent = card.state()
    this.#isStopped = isStopped
    this.#pending = writtenPieces([{ offset: 0, bytes: this.#sent }], isStopped)
  }

  read(out: Uint8Array): number | VfioErrno {
    if (this.#pending.length === 0 && !this.#isStopped) return 'ENOMSG'
    const count = Math.min(out.length, this.#pending.length)
    out.set(this.#pending.subarray(0, count))
    this.#pending = this.#pending.subarray(count)
    return count
  }

  preCopy() {
    if (this.#isStopped) return 'EINVAL' as const
    const dirtyBytes = this.#changes().reduce((sum, { bytes }) => sum + bytes.length, 0)
    return { initialBytes: this.#pending.length, dirtyBytes }
  }

  stop(): void {
    const last = writtenPieces(this.#changes(), true, this.card.state())
    const pending = new Uint8Array(this.#pending.length + last.length)
    pending.set(this.#pending)
    pending.set(last, this.#pending.length)
    this.#pending = pending
    this.#isStopped = true
  }

  #changes(): Piece[] {
    return this.card.changesSince(this.#sent)
  }
}

/** Far more than the state and all of its words again. */
const STREAM_BYTES_MAX = 65_536

/** State on its way in: kept until it is whole. */
class Resuming implements MigrationSink {
  bytes: Uint8Array = new Uint8Array(0)

  write(data: Uint8Array): VfioErrno | undefined {
    if (this.bytes.length + data.length > STREAM_BYTES_MAX) return 'ENOSPC'
    const longer = new Uint8Array(this.bytes.length + data.length)
    longer.set(this.bytes)
    longer.set(data, this.bytes.length)
    this.bytes = longer
    return undefined
  }
}

const PAGE_BYTES = 4096n

/** Pages that the card wrote since they were reported, while it logs. */
function dmaLog(host: RegionHost): VariantDmaLog {
  const written = new Set<bigint>()
  let stop: (() => void) | undefined
  return {
    start(ranges): VfioErrno | undefined {
      if (stop !== undefined) return 'EINVAL'
      const isLogged = (at: bigint) => ranges.some(({ iova, length }) => at >= iova && at < iova + length)
      stop = host.watchDma((iova, lengthBytes) => {
        const end = iova + BigInt(lengthBytes)
        for (let at = iova - (iova % PAGE_BYTES); at < end; at += PAGE_BYTES)
          if (isLogged(at)) written.add(at)
      })
      return undefined
    },
    stop() {
      stop?.()
      stop = undefined
      written.clear()
    },
    report({ iova, length }) {
      const found = [...written].filter((at) => at >= iova && at < iova + length)
      for (const at of found) written.delete(at)
      return found
    },
  }
}

/** What a host loads. */
const plugin: Plugin = definePlugin({
  name: '@vfiokit/region-migration-sample',
  api: 1,
  variantDrivers: [migrationSample],
})

export default plugin
