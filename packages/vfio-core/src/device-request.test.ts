import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseDeviceRequest, requestedName } from './device-request.ts'
import { thrownBy } from './fixtures/machine.ts'

const UUID = '2AB74924-c335-45f4-9b16-8569e5b08258'

describe('a device request', () => {
  test.each([
    ['0000:01:00.0', undefined],
    ['0000:01:00.0 ', undefined],
    ['0000:01:00.0    ', undefined],
    [`0000:01:00.0 vf_token=${UUID}`, UUID],
    [`0000:01:00.0   vf_token=${UUID}  `, UUID],
  ])('"%s" has the token %s', (text, vfToken) => {
    expect(parseDeviceRequest(text)).toEqual({ name: '0000:01:00.0', vfToken })
  })

  test.each([
    'd0 foo=bar',
    'd0 vf_token=',
    'd0 vf_token=123',
    `d0 vf_token=${UUID}0`,
    `d0 vf_token=${UUID} vf_token=${UUID}`,
    `d0 vf_token=${UUID}vf_token=${UUID}`,
    `d0 vf_token=${UUID} foo`,
    `d0 VF_TOKEN=${UUID}`,
    'd0 \t',
  ])('"%s" is EINVAL', (text) => {
    expect(thrownBy(() => parseDeviceRequest(text))).toMatchObject({ errno: 'EINVAL', reason: 'bad-name' })
  })

  test.each(['d0\t', 'd0,', 'd01', `d0vf_token=${UUID}`])('"%s" names another device', (text) => {
    expect(requestedName(text)).toBe(text)
  })

  test('of any text has a name without spaces, or is refused', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(' ', 'a', '=', '-', '0', 'vf_token=', UUID) }),
        (text) => {
          let name: string
          try {
            name = parseDeviceRequest(text).name
          } catch (error) {
            expect(error).toMatchObject({ errno: 'EINVAL' })
            return
          }
          expect(name).not.toContain(' ')
          expect(text.startsWith(name)).toBe(true)
        },
      ),
    )
  })
})
