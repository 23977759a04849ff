import { inspect } from 'node:util'
import { DEFAULT_KERNEL, KERNEL_VERSIONS, type KernelVersion, kernelProfile } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'

describe('a kernel profile', () => {
  const profiles = KERNEL_VERSIONS.map((version) => kernelProfile(version))

  test('has an answer of every kernel to every difference', () => {
    const names = Object.keys(profiles[0]!)
    expect(names.length).toBeGreaterThan(8)
    for (const profile of profiles) expect(Object.keys(profile)).toEqual(names)
    expect(profiles.map(({ version }) => version)).toEqual(KERNEL_VERSIONS)
  })

  test('has no difference in which all kernels are equal', () => {
    for (const name of Object.keys(profiles[0]!) as (keyof (typeof profiles)[0])[]) {
      const answers = new Set(profiles.map((profile) => inspect(profile[name])))
      expect(answers.size, name).toBeGreaterThan(1)
    }
  })

  test('is that of 7.2 without being told', () => {
    expect(DEFAULT_KERNEL).toBe('7.2')
    expect(kernelProfile()).toEqual(kernelProfile('7.2'))
  })

  test.each(['', '7', '5.4', '7.2 '])('of kernel "%s" is not known', (version) => {
    expect(() => kernelProfile(version as KernelVersion)).toThrow(RangeError)
  })
})
