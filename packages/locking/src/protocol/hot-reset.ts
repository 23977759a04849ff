/**
 * Hot reset: a slot or bus is reset, and with it every function of the set. All of them or none.
 *
 * Kernel: `vfio_pci_dev_set_hot_reset`.
 */
import { set } from '../cell.ts'
import type { VfioErrno } from '../errno.ts'
import { type Body, type Operation, run } from '../op.ts'
import type { AnyLockingStrategy, GuardedSet, Refused, SetMember } from '../strategy.ts'
import { restoreExports, revokeExports } from './exported-memory.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/** A member of the set, with the device as the protocol knows it. */
export interface HotResetMember extends SetMember<unknown, unknown> {
  readonly device: ProtocolDevice
}

/**
 * Resets a set.
 *
 * @param reset - The reset of the slot or bus; its errno is the outcome.
 * @returns Refused when a member was not the caller's, or was contended (EBUSY): nothing was reset,
 *   though members that come earlier may have been zapped. They fault their pages in again.
 */
export function hotReset(
  strategy: AnyLockingStrategy,
  deviceSet: GuardedSet<unknown>,
  members: readonly HotResetMember[],
  reset: Body<VfioErrno | undefined>,
): Operation<VfioErrno | Refused | undefined> {
  const withRevoke = members.map((member) =>
    member.device.exported === undefined ? member : revoking(member),
  )
  return strategy.excludeSet<VfioErrno | undefined>(deviceSet, withRevoke, function* () {
    try {
      for (const { device } of members) {
        yield* set(device.cells.inReset, true)
        yield* set(device.cells.power, 'D0')
      }
      return yield* run(reset)
    } finally {
      for (const { device } of members) yield* set(device.cells.inReset, false)
    }
  })
}

/** Exports are revoked with the member's own lock, and restored just before it is released. */
function revoking(member: HotResetMember): HotResetMember {
  const { device, locked, releasing } = member
  return {
    ...member,
    *locked() {
      yield* revokeExports(device)
      if (locked !== undefined) yield* run(locked)
    },
    *releasing() {
      if (releasing !== undefined) yield* run(releasing)
      yield* restoreExports(device)
    },
  }
}
