import type { AnyLockingStrategy, StepEvent } from '@vfiokit/locking'
import { bareRun } from '@vfiokit/locking/bare'
import {
  layered,
  ordered,
  rfc2021,
  setRwsem,
  sharedInode,
  unmapRange,
  vmaList,
  vmaListDeviceSet,
} from '@vfiokit/locking-strategies'
import { naive } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'

/** Which kind of lock was waited for, or might have been, while which kind was held; tries never wait. */
function orderOf(strategy: AnyLockingStrategy, seeds: number): string[] {
  const kind = (name: string) => name.slice(0, name.indexOf(':'))
  const edges = new Set<string>()
  const watch = ({ op, outcome, held }: StepEvent) => {
    if (op.kind !== 'acquire' || outcome === 'failed') return
    const taken = kind(op.object)
    const outer = [...held].map(({ lock }) => lock.name).filter((name) => !op.object.startsWith(name))
    for (const name of outer) edges.add(`${kind(name)} > ${taken}`)
  }
  for (let seed = 0; seed < seeds; seed++) bareRun(strategy, seed, { watch })
  return [...edges].sort()
}

describe('the order in which locks are waited for', () => {
  test.each<[AnyLockingStrategy, string[]]>([
    [unmapRange, ['dev_set > memory_lock', 'mmap_lock > memory_lock']],
    [rfc2021, ['mmap_lock > memory_lock', 'reflck > memory_lock']],
    [
      vmaList,
      [
        'mmap_lock > memory_lock',
        'mmap_lock > vma_lock',
        'reflck > memory_lock',
        'reflck > mmap_lock',
        'reflck > vma_lock',
        'vma_lock > memory_lock',
      ],
    ],
    [sharedInode, ['mmap_lock > memory_lock', 'reflck > memory_lock']],
    [layered, ['dev_set > memory_lock', 'mmap_lock > memory_lock']],
    [
      vmaListDeviceSet,
      [
        'dev_set > memory_lock',
        'dev_set > mmap_lock',
        'dev_set > vma_lock',
        'mmap_lock > memory_lock',
        'mmap_lock > vma_lock',
        'vma_lock > memory_lock',
      ],
    ],
    [ordered, ['dev_set > memory_lock', 'memory_lock > memory_lock', 'mmap_lock > memory_lock']],
    [setRwsem, ['dev_set > set_memory_lock', 'mmap_lock > set_memory_lock']],
  ])('of $name has no circle', (strategy, order) => {
    expect(orderOf(strategy, 150)).toEqual(order)
  })

  test('of naive has one', () => {
    const order = orderOf(naive, 150)
    expect(order).toContain('memory_lock > mmap_lock')
    expect(order).toContain('mmap_lock > memory_lock')
  })
})
