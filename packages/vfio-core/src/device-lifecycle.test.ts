import { type DeviceEvent, DeviceLifecycle, type DeviceState, nextState } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'

const STATES: readonly DeviceState[] = ['unregistered', 'closed', 'open', 'unregistering', 'released']
const EVENTS: readonly DeviceEvent[] = ['register', 'open', 'close', 'unregister']
const ALLOWED = new Map<string, DeviceState>([
  ['unregistered register', 'closed'],
  ['closed open', 'open'],
  ['closed unregister', 'released'],
  ['open close', 'closed'],
  ['open unregister', 'unregistering'],
  ['unregistering close', 'released'],
])
/** How to get to each state. */
const PATHS: Readonly<Record<DeviceState, readonly DeviceEvent[]>> = {
  unregistered: [],
  closed: ['register'],
  open: ['register', 'open'],
  unregistering: ['register', 'open', 'unregister'],
  released: ['register', 'unregister'],
}

describe('a device lifecycle', () => {
  const pairs = STATES.flatMap((state) => EVENTS.map((event) => [state, event] as const))

  test.each(pairs)('from %s by %s', (state, event) => {
    const expected = ALLOWED.get(`${state} ${event}`)
    expect(nextState(state, event)).toBe(expected)
    const lifecycle = new DeviceLifecycle()
    for (const step of PATHS[state]) lifecycle.handle(step)
    expect(lifecycle.state).toBe(state)
    if (expected === undefined) expect(() => lifecycle.handle(event)).toThrow(TypeError)
    else lifecycle.handle(event)
    expect(lifecycle.state).toBe(expected ?? state)
  })

  test('is going away from unregister on', () => {
    for (const state of STATES) {
      const lifecycle = new DeviceLifecycle()
      for (const step of PATHS[state]) lifecycle.handle(step)
      expect(lifecycle.isGoingAway).toBe(state === 'unregistering' || state === 'released')
    }
  })
})
