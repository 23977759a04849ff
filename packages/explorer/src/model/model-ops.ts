/** Ops that only a model has: a mapping comes or goes, a device is enabled or disabled, a reset is refused. */
import { EffectOp, Op } from '@vfiokit/locking'
import type { ExploredDevice } from './explored-device.ts'
import type { ExploredMapping } from './explored-mapping.ts'

/** A mapping is linked into its address space, or taken out of it. */
export class LinkOp extends Op<void> {
  readonly kind = 'link'

  constructor(
    readonly mapping: ExploredMapping,
    readonly isLinked: boolean,
  ) {
    super()
  }

  get object(): string {
    return `${this.mapping.id} ${this.isLinked ? 'linked' : 'unlinked'}`
  }

  perform(): void {
    this.mapping.isLinked = this.isLinked
  }
}

/** A mapping of a child process comes to be with the pages that its original has. */
export class CopyOp extends Op<void> {
  readonly kind = 'link'

  constructor(
    readonly original: ExploredMapping,
    readonly copy: ExploredMapping,
  ) {
    super()
  }

  get object(): string {
    return `${this.copy.id} as ${this.original.id}`
  }

  perform(): void {
    if (!this.original.isLinked) return
    this.copy.isLinked = true
    for (const [unit, isPresent] of this.original.present.entries()) this.copy.present[unit] = isPresent
  }
}

/** The first open enables a device, the last close disables it. Neither may happen while a reset runs. */
export class LifecycleOp extends EffectOp<undefined> {
  constructor(
    readonly device: ExploredDevice,
    verb: 'enable' | 'disable',
  ) {
    super(`${verb} ${device.id}`, [undefined], () => undefined, undefined)
  }
}

/** A hot reset was refused that must not be. */
export class BusyOp extends EffectOp<undefined> {
  constructor() {
    super('hot reset is busy', [undefined], () => undefined, undefined)
  }
}
