/**
 * The timeline of a controlled run: who waited for which lock, what was zapped, what each step came to.
 *
 * Made from the steps that were really taken; counters come from the same place.
 */
import {
  type AccessOp,
  type EffectOp,
  type InsertOp,
  isLockOp,
  isOp,
  type Lock,
  type LockOp,
  type StepEvent,
} from '@vfiokit/locking'
import type { VfioDevice, VfioError, VfioSignal, Vma } from '@vfiokit/vfio-core'

/** One line. */
export interface TimelineEvent {
  readonly step: number
  readonly task: string
  /** `answer`: a step is done, and the text says what it came to. */
  readonly kind:
    | 'wait'
    | 'granted'
    | 'fault'
    | 'zap'
    | 'reset'
    | 'signal'
    | 'errno'
    | 'done'
    | 'answer'
    | 'failed'
  readonly text: string
}

/** Figures of a run. */
export interface RunCounts {
  faults: number
  zappedPages: number
  sigbus: number
  ebusy: number
  lockAcquisitions: number
  waits: number
}

/** What became of one mapping. */
export interface MappingCounts {
  faults: number
  zappedPages: number
  sigbus: number
}

/** A watcher that keeps book. */
export class Timeline {
  readonly events: TimelineEvent[] = []
  readonly counts: RunCounts = {
    faults: 0,
    zappedPages: 0,
    sigbus: 0,
    ebusy: 0,
    lockAcquisitions: 0,
    waits: 0,
  }
  readonly #perMapping = new Map<string, MappingCounts>()
  readonly #holders = new Map<Lock, Set<string>>()
  /** Who waits for each lock, in the order of coming. */
  readonly #queues = new Map<Lock, Set<string>>()
  /** Pages of each mapping after the last step that could change them. */
  readonly #present = new Map<Vma, number>()

  /** @param devices - What is mapped of them may have pages already. */
  constructor(readonly devices: readonly VfioDevice[]) {
    for (const device of devices) for (const vma of device.mappings) this.#present.set(vma, vma.presentPages)
  }

  /** Figures of one mapping. */
  mapping(id: string): MappingCounts {
    let counts = this.#perMapping.get(id)
    if (counts === undefined) {
      counts = { faults: 0, zappedPages: 0, sigbus: 0 }
      this.#perMapping.set(id, counts)
    }
    return counts
  }

  /** Looks at one step. Give it to a ControlledDriver as a watcher. */
  readonly watch = (event: StepEvent): void => {
    const { op } = event
    if (isLockOp(op)) this.#lock(event, op)
    else if (event.outcome !== 'performed') return
    else if (isOp(op, 'access')) this.#access(event, op)
    else if (isOp(op, 'insert')) this.#insert(event, op)
    else if (isOp(op, 'zap') || isOp(op, 'zap-mapping')) this.#zap(event)
    else if (isOp(op, 'effect')) this.#effect(event, op)
  }

  /** Adds a line that is no step of a lock or page. */
  add(at: { step: number; task: string }, kind: TimelineEvent['kind'], text: string): void {
    this.events.push({ step: at.step, task: at.task, kind, text })
  }

  /** A step that ended with a signal. */
  signal(
    at: { step: number; task: string },
    error: VfioSignal,
    what: string,
    mapping: string | undefined,
  ): void {
    if (error.signal === 'SIGBUS') {
      this.counts.sigbus++
      if (mapping !== undefined) this.mapping(mapping).sigbus++
    }
    this.add(at, 'signal', `${what}: ${error.message}`)
  }

  /** A step that ended with an errno. */
  refused(at: { step: number; task: string }, error: VfioError, what: string): void {
    if (error.errno === 'EBUSY') this.counts.ebusy++
    this.add(at, 'errno', `${what}: ${error.message}`)
  }

  #lock(event: StepEvent, op: LockOp<unknown>): void {
    const { task, outcome } = event
    const queue = setOf(this.#queues, op.lock)
    const holders = setOf(this.#holders, op.lock)
    if (outcome === 'waiting') {
      this.counts.waits++
      this.add(event, 'wait', `waits for ${op.object}${whyWaits(holders, queue)}`)
      queue.add(task)
    }
    if (outcome === 'granted') {
      queue.delete(task)
      this.add(event, 'granted', `gets ${op.object}`)
    }
    if (op.kind === 'release') holders.delete(task)
    const taken =
      outcome === 'granted' ||
      (outcome === 'performed' &&
        (op.kind === 'acquire' || (op.kind === 'try-acquire' && event.result === true)))
    if (!taken) return
    this.counts.lockAcquisitions++
    holders.add(task)
  }

  #access(event: StepEvent, op: AccessOp): void {
    if (event.result === true) return
    this.counts.faults++
    this.mapping(op.mapping.id).faults++
    this.add(event, 'fault', `faults on ${op.object}`)
  }

  #insert(_event: StepEvent, { mapping }: InsertOp): void {
    this.#present.set(mapping as Vma, mapping.presentPages)
  }

  #zap(event: StepEvent): void {
    for (const device of this.devices)
      for (const vma of device.mappings) {
        const lost = (this.#present.get(vma) ?? 0) - vma.presentPages
        if (lost <= 0) continue
        this.#present.set(vma, vma.presentPages)
        this.counts.zappedPages += lost
        this.mapping(vma.id).zappedPages += lost
        this.add(event, 'zap', `zaps ${pages(lost)} of ${vma.id}`)
      }
  }

  /** A reset, and what it left mapped: pages that are not memory of the device. */
  #effect(event: StepEvent, { object }: EffectOp<unknown>): void {
    if (!/reset of/.test(object)) return
    const left = this.devices
      .flatMap((device) => [...device.mappings])
      .filter((vma) => !vma.followsMemory && vma.presentPages > 0)
      .map((vma) => `${vma.id} (${pages(vma.presentPages)})`)
    this.add(event, 'reset', left.length === 0 ? object : `${object}; still mapped: ${left.join(', ')}`)
  }
}

function setOf(sets: Map<Lock, Set<string>>, lock: Lock): Set<string> {
  let set = sets.get(lock)
  if (set === undefined) {
    set = new Set()
    sets.set(lock, set)
  }
  return set
}

/** A lock that nobody holds may be waited for: a fair one is promised to who came first. */
function whyWaits(holders: ReadonlySet<string>, queue: ReadonlySet<string>): string {
  if (holders.size > 0) return `, held by ${[...holders].join(' and ')}`
  return queue.size > 0 ? `, behind ${[...queue].join(' and ')}` : ''
}

function pages(count: number): string {
  return count === 1 ? '1 page' : `${count} pages`
}
