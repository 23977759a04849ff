import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF, FUNCTION_NAMES, VF_TOKEN } from '../fixtures/machine.ts'

const WRONG = '00000000-c335-45f4-9b16-8569e5b08258'
const OTHER = '3ab74924-c335-45f4-9b16-8569e5b08258'
const NONE = ''

/** What opening ends with, when this token is shown; none is shown for ''. */
const opening = (host: Host, name: 'vf' | 'pf' | 'nvme', token: string) => {
  const guest = host.guest()
  return failure(() => guest.openWith(name, token === NONE ? undefined : token)) ?? 'ok'
}

describe.each(KERNEL_VERSIONS)('T57 opening by token on %s', (kernel) => {
  test('a virtual function of a physical one under vfio needs the right token', () => {
    const host = new Host({ kernel })
    expect([NONE, WRONG, VF_TOKEN].map((token) => opening(host, 'vf', token))).toEqual([
      'EACCES',
      'EACCES',
      'ok',
    ])
  })

  test('one whose physical function the host drives takes none', () => {
    const host = new Host({ kernel, bind: FUNCTION_NAMES.filter((name) => name !== 'pf') })
    expect([NONE, VF_TOKEN].map((token) => opening(host, 'vf', token))).toEqual(['ok', 'EINVAL'])
  })

  test('a physical function asks only while a virtual one is open, and else learns what is shown', () => {
    const host = new Host({ kernel })
    expect([NONE, OTHER].map((token) => opening(host, 'pf', token))).toEqual(['ok', 'ok'])
    expect(opening(host, 'vf', VF_TOKEN)).toBe('EACCES')
    const vf = host.guest().open('vf', OTHER)
    expect([NONE, WRONG, OTHER].map((token) => opening(host, 'pf', token))).toEqual([
      'EACCES',
      'EACCES',
      'ok',
    ])
    vf.close()
    expect([NONE, WRONG].map((token) => opening(host, 'pf', token))).toEqual(['ok', 'ok'])
    expect(host.bus.driverAt(BDF.pf)?.vfToken?.users).toBe(0)
  })

  test('a function without SR-IOV takes none', () => {
    const host = new Host({ kernel })
    expect([NONE, VF_TOKEN].map((token) => opening(host, 'nvme', token))).toEqual(['ok', 'EINVAL'])
  })
})

test('nobody knows a token before it is set, and its letters have no case', () => {
  const host = new Host()
  const token = host.bus.driverAt(BDF.pf)!.vfToken!
  token.set(VF_TOKEN.toUpperCase())
  expect(opening(host, 'vf', VF_TOKEN)).toBe('ok')
})
