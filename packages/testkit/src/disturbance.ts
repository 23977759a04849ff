/** What happens to a device while its regions are mapped, and how it is undone. */
import { CAPABILITY_ID, findCapability, forbidsBusReset } from '@vfiokit/topology'
import type { DeviceUser } from './device-user.ts'
import { cardOf, type PluginBench } from './plugin-bench.ts'

/** One event that takes the memory of a device away. */
export interface Disturbance {
  /** Whether the card can do it, and the kernel takes memory away for it. */
  possible(bench: PluginBench): boolean
  begin(user: DeviceUser, bench: PluginBench): void
  /** Absent: memory is back when `begin` ends. */
  end?(user: DeviceUser, bench: PluginBench): void
}

/** Names of all of them. */
export type DisturbanceName = 'memory off' | 'D3hot' | 'function reset' | 'hot reset'

/** By name. */
export const DISTURBANCES: Readonly<Record<DisturbanceName, Disturbance>> = {
  'memory off': {
    possible: () => true,
    begin: (user) => user.setMemory(false),
    end: (user) => user.setMemory(true),
  },
  D3hot: {
    // Before 5.19 it leaves memory alone.
    possible: (bench) =>
      bench.core.profile.powerGatesMemory &&
      typeof findCapability(cardOf(bench), CAPABILITY_ID.powerManagement) === 'object',
    begin: (user, bench) => user.setPower('D3hot', cardOf(bench)),
    end: (user, bench) => user.setPower('D0', cardOf(bench)),
  },
  'function reset': {
    possible: (bench) => bench.bus.machine.hardware(cardOf(bench).bdf)!.resetMethods.length > 0,
    begin: (user) => user.reset(),
  },
  'hot reset': {
    possible: (bench) => !forbidsBusReset(cardOf(bench)),
    begin: (user) => user.hotReset(),
  },
}

/** A reset that the card can do: of its slot, or else of the function; undefined when there is none. */
export function anyReset(bench: PluginBench): Disturbance | undefined {
  return [DISTURBANCES['hot reset'], DISTURBANCES['function reset']].find((reset) => reset.possible(bench))
}
