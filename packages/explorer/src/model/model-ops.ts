/** Ops that only a model has: a mapping comes or goes, a device is enabled or disabled, a reset is refused. */
import { EffectOp, Op } from '@vfiokit/locking'
import type { ExploredDevice } from './explored-device.ts'
import type { ExploredMapping } from './explored-mapping.ts'

/** A mapping is linked into its address space, or taken out of it. */
export class LinkOp extends Op<void> {
  readonly kind = 'set'

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
