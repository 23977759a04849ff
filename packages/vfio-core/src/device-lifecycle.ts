/** The life of a device as one table: which event leads from which state to which. */

/** Where a device is in its life. */
export type DeviceState = 'unregistered' | 'closed' | 'open' | 'unregistering' | 'released'
/** What moves it on. `open` and `close` are the first and the last one. */
export type DeviceEvent = 'register' | 'open' | 'close' | 'unregister'

/**
 * Kernel: `vfio_register_group_dev`, `vfio_df_open` / `vfio_df_close` at the edge of `open_count`,
 * `vfio_unregister_group_dev`, which waits for users: the last one to leave releases the device.
 */
const TRANSITIONS: Readonly<Record<DeviceState, Partial<Record<DeviceEvent, DeviceState>>>> = {
  unregistered: { register: 'closed' },
  closed: { open: 'open', unregister: 'released' },
  open: { close: 'closed', unregister: 'unregistering' },
  unregistering: { close: 'released' },
  released: {},
}

/** The state after an event, or undefined when it cannot happen there. */
export function nextState(state: DeviceState, event: DeviceEvent): DeviceState | undefined {
  return TRANSITIONS[state][event]
}

/** A device's state, moved only along the table. */
export class DeviceLifecycle {
  #state: DeviceState = 'unregistered'

  get state(): DeviceState {
    return this.#state
  }

  /** New opens are refused from here on. */
  get isGoingAway(): boolean {
    return this.#state === 'unregistering' || this.#state === 'released'
  }

  /** @throws TypeError when the event cannot happen in this state: a bug of the caller. */
  handle(event: DeviceEvent): void {
    const next = nextState(this.#state, event)
    if (next === undefined) throw new TypeError(`a device that is ${this.#state} cannot ${event}`)
    this.#state = next
  }
}
