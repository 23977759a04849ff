import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { expect, test } from 'vitest'
import { CARD, provider } from './fixtures/card.ts'
import { ObservedProvider } from './observed-provider.ts'
import { RuleContext } from './region-check.ts'
import { contested } from './rules/contested.ts'

test('a strategy that zaps before it locks loses the contest by I1', () => {
  const context = new RuleContext(() => new ObservedProvider(provider()), CARD)
  expect(() => contested(zapBeforeLock).check(context)).toThrow(/seed \d+: I1, no page of BAR0-5 is mapped/)
})

test('a strategy that deadlocks loses the contest', () => {
  const context = new RuleContext(() => new ObservedProvider(provider()), CARD)
  expect(() => contested(naive).check(context)).toThrow(/seed \d+: (deadlock|I\d)/)
})
