import { describe, expect, test } from 'vitest'
import {
  isMigrationState,
  MIGRATION_FLAGS,
  MIGRATION_STATE,
  type MigrationState,
  migrationWay,
  nextMigrationState,
} from './migration-state.ts'

const { STOP_COPY, P2P, PRE_COPY } = MIGRATION_FLAGS
const STATES: readonly MigrationState[] = [0, 1, 2, 3, 4, 5, 6, 7]
const ALL = STOP_COPY | P2P | PRE_COPY

/** The table of linux/vfio.h in its words; a column for each state a device may be asked for. */
const TABLE = `
STOP      -    P2P  SC   RES  P2P  P2P  P2P
RUN       P2P  -    P2P  P2P  P2P  PRE  P2P
SC        STOP STOP -    STOP STOP ERR  ERR
RES       STOP STOP STOP -    STOP STOP STOP
P2P       STOP RUN  STOP STOP -    RUN  PREP
PRE       RUN  RUN  PREP RUN  RUN  -    PREP
PREP      P2P  P2P  SC   P2P  P2P  PRE  -`
const NAMES = ['ERR', 'STOP', 'RUN', 'SC', 'RES', 'P2P', 'PRE', 'PREP']
const ROWS = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/))

const answer = (from: MigrationState, to: number, flags: number) => {
  try {
    return NAMES[nextMigrationState(from, to, flags)]
  } catch {
    return 'ERR'
  }
}

describe('a device that can do everything', () => {
  test.each(ROWS)('goes from %s as the table says', (from, ...columns) => {
    const at = NAMES.indexOf(from!) as MigrationState
    const steps = columns.map((_, column) => answer(at, column + 1, ALL))
    expect(steps).toEqual(columns.map((name) => (name === '-' ? from : name)))
  })

  test('never leaves nor enters ERROR', () => {
    for (const state of STATES) {
      expect(answer(0, state, ALL)).toBe('ERR')
      expect(answer(state, 0, ALL)).toBe('ERR')
    }
  })
})

test.each([0, 1, 2, 3, 4, 5, 6, 7])(
  'flags %i: every way leads over states that the device has, and ends',
  (flags) => {
    for (const from of STATES)
      for (const to of [...STATES, 8, 99]) {
        if (!isMigrationState(from, flags) || !isMigrationState(to, flags)) {
          expect(() => nextMigrationState(from, to, flags)).toThrow('EINVAL')
          continue
        }
        if (from === to) {
          // Kernel: drivers step while the state is another one.
          expect([...migrationWay(from, to, flags)]).toEqual([])
          continue
        }
        const refused = from === 0 || to === 0 || (from === 3 && to >= 6)
        if (refused) {
          expect(() => [...migrationWay(from, to, flags)]).toThrow('EINVAL')
          continue
        }
        const way = [...migrationWay(from, to, flags)]
        expect(way.every((state) => isMigrationState(state, flags))).toBe(true)
        expect([way.at(-1), way.length <= STATES.length]).toEqual([to, true])
      }
  },
)

test('a device without P2P goes from RUNNING to STOP in one step', () => {
  const { RUNNING, STOP } = MIGRATION_STATE
  expect(nextMigrationState(RUNNING, STOP, STOP_COPY)).toBe(STOP)
  expect([...migrationWay(RUNNING, MIGRATION_STATE.STOP_COPY, STOP_COPY)]).toEqual([1, 3])
})
