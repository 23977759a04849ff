import { Bdf, formatDiagnostic, formatEdit, parseEdit, type TopologyEdit } from '@vfiokit/topology'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const card = Bdf.parse('01:00.0')

test.each<[string, TopologyEdit]>([
  ['remove 0000:01:00.0', { kind: 'remove', target: card }],
  ['  remove slot  Slot 3 ', { kind: 'remove', target: { slot: 'Slot 3' } }],
  ['move 01:00.0 to 00:02.0', { kind: 'move', card, to: Bdf.parse('00:02.0') }],
  ['move slot 1 to slot 2', { kind: 'move', card: { slot: '1' }, to: { slot: '2' } }],
  ['vfs 01:00.0=4', { kind: 'vfs', physical: card, count: 4 }],
  [
    'acs 01:00.0=+SV+RR+CR-uf',
    {
      kind: 'acs',
      port: card,
      controls: {
        sourceValidation: true,
        requestRedirect: true,
        completionRedirect: true,
        upstreamForwarding: false,
      },
    },
  ],
  ['acs 01:00.0=-ReqRedir', { kind: 'acs', port: card, controls: { requestRedirect: false } }],
  ['driver 01:00.0=vfio-pci', { kind: 'driver', function: card, driver: 'vfio-pci' }],
  ['driver 01:00.0=none', { kind: 'driver', function: card, driver: undefined }],
  ['bind 01:00.0 to vfio-pci', { kind: 'driver', function: card, driver: 'vfio-pci' }],
  ['unbind 01:00.0', { kind: 'driver', function: card, driver: undefined }],
  [
    'add 01:00.0=8086:10c9 class 020000',
    { kind: 'add', function: { bdf: card, vendorId: 0x8086, deviceId: 0x10c9, classCode: 0x020000 } },
  ],
])('%s', (text, edit) => {
  expect(parseEdit(text)).toEqual({ ok: true, edit })
})

test.each([
  ['', 'one of remove, add, move, vfs, acs, driver, bind, unbind, found nothing'],
  ['moev 01:00.0 to 00:02.0', "did you mean 'move'?"],
  ['constructor 01:00.0', "found 'constructor'"],
  ['remove 1:0.0', "an address, [domain:]bus:device.function, or 'slot' and a name, found '1:0.0'"],
  ['move 01:00.0', "'to' between the card and where it goes"],
  ['move 01:00.0 to nowhere', "found 'nowhere'"],
  ['vfs 01:00.0', "'=' and a number of virtual functions"],
  ['vfs 01:00.0=-1', "a number of virtual functions, found '-1'"],
  ['acs 01:00.0=SV', 'controls such as +SV or -RR'],
  ['acs 01:00.0=+SV+XX', "one of SV, TB, RR, CR, UF, EC, DT, found '+XX'"],
  ['driver 01:00.0=', 'the name of a driver, found nothing'],
  ['bind 01:00.0 vfio-pci', "'to' and the name of a driver"],
  ['add 01:00.0=8086', "found '8086'"],
])('%j says what was expected', (text, expected) => {
  const parsed = parseEdit(text)
  expect(parsed.ok ? 'an edit' : formatDiagnostic(parsed.diagnostic)).toContain(expected)
})

const bdf = fc.integer({ min: 0, max: 0xffff }).map((id) => Bdf.fromRoutingId(0, id))
const slot = fc.stringMatching(/^[A-Z0-9][A-Z0-9-]*$/).map((name) => ({ slot: name }))
const place = fc.oneof(bdf, slot)
const controls = fc.record(
  {
    sourceValidation: fc.boolean(),
    translationBlocking: fc.boolean(),
    requestRedirect: fc.boolean(),
    completionRedirect: fc.boolean(),
    upstreamForwarding: fc.boolean(),
    egressControl: fc.boolean(),
    directTranslated: fc.boolean(),
  },
  { requiredKeys: ['requestRedirect'], noNullPrototype: true },
)
const driver = fc.option(fc.stringMatching(/^[a-z][a-z0-9_-]*$/), { nil: undefined })

const anyEdit: fc.Arbitrary<TopologyEdit> = fc.oneof(
  place.map((target) => ({ kind: 'remove' as const, target })),
  fc.tuple(place, place).map(([from, to]) => ({ kind: 'move' as const, card: from, to })),
  fc.tuple(bdf, fc.nat(0xffff)).map(([physical, count]) => ({ kind: 'vfs' as const, physical, count })),
  fc.tuple(bdf, controls).map(([port, bits]) => ({ kind: 'acs' as const, port, controls: bits })),
  fc
    .tuple(bdf, driver)
    .filter(([, name]) => name !== 'none')
    .map(([fn, name]) => ({ kind: 'driver' as const, function: fn, driver: name })),
)

test('any edit written and read is the same edit', () => {
  fc.assert(
    fc.property(anyEdit, (edit) => {
      expect(parseEdit(formatEdit(edit))).toEqual({ ok: true, edit })
    }),
  )
})

test('any text is an edit or a diagnostic', () => {
  const words = fc.constantFrom('move', 'acs', '01:00.0', '=', '+SV', ' to ', 'slot', ' ', '-', 'vfs', '\n')
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.string(), words)), (parts) => {
      const parsed = parseEdit(parts.join(''))
      if (!parsed.ok) expect(parsed.diagnostic.code).toBe('edit-malformed')
    }),
  )
})
