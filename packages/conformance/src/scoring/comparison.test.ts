import { describe, expect, test } from 'vitest'
import { MachineFacts } from '../golden/machine-facts.ts'
import type { ValueOrigin } from '../script/handler.ts'
import type { TraceRecord } from '../trace-record.ts'
import { compareRecords } from './comparison.ts'
import { MASKING_RULES, MaskingMachine } from './masking-rules.ts'

const BDF = '0000:01:00.0'
const FACTS = new MachineFacts(new Map([[BDF, { kind: '1234-11e8', iommuGroup: 4, config: config() }]]))
const PROFILE = {
  bars: [
    {
      bar: 0,
      registers: [
        { offset: '0x0', size: 4, class: 'logic' },
        { offset: '0x4', size: 4, class: 'storage' },
        { offset: '0x8', size: 4, class: 'volatile' },
        { offset: '0xc', size: 4, class: 'constant' },
      ],
    },
    { bar: 1, class: 'alias', of: 0, limit: 16 },
    { bar: 8, class: 'vga-legacy', volatile: ['0x3da'] },
  ],
  msix: { bar: 2, table: '0x100', entries: 2 },
}
const MACHINE = new MaskingMachine({ facts: FACTS, profiles: { '1234-11e8': PROFILE } })

/** PM at 0x40, MSI with 64 bits at 0x50. */
function config(): Uint8Array {
  const bytes = new Uint8Array(256)
  bytes[0x34] = 0x40
  bytes.set([0x01, 0x50], 0x40)
  bytes.set([0x05, 0x00, 0x80], 0x50)
  return bytes
}

function read(region: number, off: number, data: string, more: Partial<TraceRecord> = {}): TraceRecord {
  const len = data.length / 2
  const args = [BDF, String(region), String(off), String(len)]
  return { i: 3, line: 4, op: 'read', args, off, len, ok: true, result: { ret: len, data }, ...more }
}

const inRegion = (region: number, offset: number): ValueOrigin => ({
  device: BDF,
  space: 'region',
  region,
  offset,
  isOpen: true,
})

const classOf = (expected: TraceRecord, actual: TraceRecord, origin?: ValueOrigin) =>
  compareRecords(expected, origin === undefined ? { record: actual } : { record: actual, origin }, MACHINE)
    .class

describe('every member that says what happened is compared', () => {
  const base = read(0, 4, '01020304')
  const failed: TraceRecord = {
    i: 0,
    line: 1,
    op: 'open',
    args: [BDF],
    ok: false,
    errno: 'EBUSY',
    step: 'open-group',
  }
  const killed: TraceRecord = { i: 0, line: 1, op: 'load', args: [], ok: false, signal: 'SIGBUS', si_code: 2 }

  test.each<[string, TraceRecord, Partial<TraceRecord>]>([
    ['off', base, { off: 8 }],
    ['len', base, { len: 8 }],
    ['ok', base, { ok: false }],
    ['result.ret', base, { result: { ret: 3, data: '01020304' } }],
    ['result.data', base, { result: { ret: 4, data: '01020305' } }],
    ['result.data', base, { result: { ret: 4, data: '010203' } }],
    ['result.flags', { ...base, result: { flags: ['READ'] } }, { result: { flags: [] } }],
    ['result.size', { ...base, result: { size: 4096 } }, { result: { size: 4097 } }],
    ['result.caps', { ...base, result: { caps: [{ id: 1 }] } }, { result: { caps: [{ id: 3 }] } }],
    ['result.group', { ...base, result: { group: 4 } }, { result: { group: 5 } }],
    ['result.count', { ...base, result: { count: 1 } }, { result: {} }],
    ['nfds', { ...base, nfds: 1 }, { nfds: 2 }],
    ['errno', failed, { errno: 'EPERM' }],
    ['step', failed, { step: 'VFIO_GROUP_SET_CONTAINER' }],
    ['signal', killed, { signal: 'SIGSEGV' }],
    ['si_code', killed, { si_code: 1 }],
    ['notCarried', base, { notCarried: 'no eventfds' }],
    ['broken', base, { broken: 'TypeError' }],
  ])('%s', (member, expected, change) => {
    const same = compareRecords(expected, { record: { ...expected } }, MACHINE)
    expect(same).toEqual({ class: 'same', members: [], masks: [] })
    const compared = compareRecords(expected, { record: { ...expected, ...change } }, MACHINE)
    expect(compared.class).toBe('differ')
    expect(compared.members).toContain(member)
  })

  test('what it was, and its number, are not', () => {
    expect(classOf(base, { ...base, i: 99, line: 99 })).toBe('same')
  })
})

describe('a skip', () => {
  const skip = (reason?: string): TraceRecord => ({
    i: 0,
    line: 1,
    op: 'close',
    args: [],
    ok: reason === undefined,
    ...(reason === undefined ? {} : { skip: reason }),
  })

  test('on both sides for one reason is skipped', () => {
    expect(classOf(skip('not-open'), skip('not-open'))).toBe('skipped')
  })

  test.each([
    ['no-map', 'not-open'],
    ['not-open', undefined],
    [undefined, 'not-open'],
  ])('%s against %s differs', (left, right) => {
    expect(classOf(skip(left), skip(right))).toBe('differ')
  })
})

describe("a record's own mask", () => {
  const expected = read(0, 4, '01020304', { mask: ['result.data'] })

  test('hides the value and is counted, even when the value is equal', () => {
    for (const data of ['ffffffff', '01020304'])
      expect(compareRecords(expected, { record: read(0, 4, data) }, MACHINE)).toMatchObject({
        class: 'masked',
        masks: ['record'],
      })
  })

  test.each<[string, Partial<TraceRecord>]>([
    ['its length', { result: { ret: 4, data: 'ffff' } }],
    ['what else the record says', { result: { ret: 3, data: 'ffffffff' } }],
    ['that there is none', { result: { ret: 4 } }],
    ['a failure', { ok: false, errno: 'EIO' }],
  ])('does not hide %s', (_what, change) => {
    expect(classOf(expected, read(0, 4, 'ffffffff', change))).toBe('differ')
  })
})

test.each(['ok', 'errno', 'signal', 'result', 'result.ret', 'result.group', 'off', 'len'])(
  "a record's own mask does not hide %s",
  (member) => {
    const expected: TraceRecord = {
      ...read(0, 4, '01020304', { mask: [member], errno: 'EIO', signal: 'SIGBUS' }),
      result: { ret: 4, group: 1 },
    }
    const other = {
      ok: false,
      errno: 'EPERM',
      signal: 'SIGSEGV',
      result: { ret: 3, group: 2 },
      off: 8,
      len: 8,
    }
    const changed = Object.fromEntries(
      Object.entries(other).filter(([name]) => name === member.replace(/\..*/, '')),
    )
    expect(classOf(expected, { ...expected, ...changed })).toBe('differ')
  },
)

describe('values may differ only where a rule says why', () => {
  test.each([
    ['a logic register', 0, 0, 'masked'],
    ['a storage register', 0, 4, 'differ'],
    ['a volatile register', 0, 8, 'masked'],
    ['a legacy VGA port that changes by itself', 8, 0x3da - 3, 'masked'],
    ['another legacy VGA port', 8, 0x3db - 3, 'differ'],
    ['a constant register', 0, 12, 'differ'],
    ['an offset that was never measured', 0, 16, 'differ'],
    ['another name of a logic register', 1, 0, 'masked'],
    ['another name of a storage register', 1, 4, 'differ'],
    ['the MSI-X table by read', 2, 0x100, 'differ'],
    ['the ROM', 6, 0, 'differ'],
    ['configuration space', 7, 0x3c, 'differ'],
    ['VGA', 8, 0x3c0, 'differ'],
  ])('%s', (_what, region, offset, found) => {
    const compared = classOf(
      read(region, offset, '01020304'),
      read(region, offset, '01020305'),
      inRegion(region, offset),
    )
    expect(compared).toBe(found)
  })

  test('one byte beside a logic register is enough to differ', () => {
    expect(classOf(read(0, 0, '0102030405'), read(0, 0, 'ff02030405'), inRegion(0, 0))).toBe('masked')
    expect(classOf(read(0, 0, '0102030405'), read(0, 0, 'ff02030406'), inRegion(0, 0))).toBe('differ')
  })

  test('an MSI-X entry through a mapping: the message while MSI-X is on and both have one, its control never', () => {
    const load = (value: string): TraceRecord => ({
      i: 0,
      line: 1,
      op: 'load',
      args: [],
      ok: true,
      result: { value },
    })
    const at = (offset: number, hasMessages = true): ValueOrigin => ({
      ...inRegion(2, offset),
      space: 'mapping',
      hasMessages,
    })
    expect(classOf(load('0xfee01000'), load('0xfee02000'), at(0x100))).toBe('masked')
    expect(classOf(load('0xfee01000'), load('0x0'), at(0x100))).toBe('differ')
    expect(classOf(load('0x1234'), load('0x1235'), at(0x108, false))).toBe('differ')
    expect(classOf(load('0x1'), load('0x3'), at(0x10c))).toBe('differ')
    expect(classOf(load('0x1'), load('0x3'), at(0x120))).toBe('differ')
  })

  test('physical configuration space: MSI address and data, nothing around them', () => {
    const compared = (offset: number) => {
      const origin: ValueOrigin = { device: BDF, space: 'physical-config', offset, isOpen: true }
      return classOf(read(7, offset, '01'), read(7, offset, '04'), origin)
    }
    const masked = Array.from({ length: 256 }, (_, offset) => offset).filter(
      (offset) => compared(offset) === 'masked',
    )
    expect(masked).toEqual([0x54, 0x55, 0x56, 0x57, 0x58, 0x59, 0x5a, 0x5b, 0x5c, 0x5d])
  })

  test('the power state of a device that nobody has open, and no other bit of its register', () => {
    const compared = (isOpen: boolean, data: string) =>
      classOf(read(7, 0x44, '00'), read(7, 0x44, data), {
        device: BDF,
        space: 'physical-config',
        offset: 0x44,
        isOpen,
      })
    expect(compared(false, '03')).toBe('masked')
    expect(compared(false, '07')).toBe('differ')
    expect(compared(true, '03')).toBe('differ')
  })

  test.each([
    ['power_state', false, 'masked'],
    ['power_state', true, 'differ'],
    ['power/runtime_status', false, 'masked'],
    ['power/runtime_active_time', true, 'masked'],
    ['irq', true, 'masked'],
    ['enable', false, 'differ'],
    ['reset_method', false, 'differ'],
  ])('attribute %s, open %s: %s', (attribute, isOpen, found) => {
    const record = (text: string): TraceRecord => ({
      i: 0,
      line: 1,
      op: 'sysfs',
      args: [],
      ok: true,
      result: { text },
    })
    const origin: ValueOrigin = { device: BDF, space: 'attribute', attribute, isOpen }
    expect(classOf(record('a'), record('b'), origin)).toBe(found)
  })

  test('every rule has a reason', () => {
    for (const { reason } of MASKING_RULES) expect(reason.length).toBeGreaterThan(20)
  })
})
