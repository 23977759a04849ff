import { definePlugin, isPlugin, PLUGIN_API, type Region } from '@vfiokit/plugin'
import { expect, test } from 'vitest'

test('what definePlugin made is a plugin, of this copy or another', () => {
  const plugin = definePlugin({ name: 'acme', api: PLUGIN_API })
  expect(isPlugin(plugin)).toBe(true)
  expect(isPlugin({ ...plugin })).toBe(true)
})

test.each([undefined, null, 7, 'plugin', {}, { name: 'acme', api: 1 }])('%j is no plugin', (value) => {
  expect(isPlugin(value)).toBe(false)
})

test('a plugin cannot be changed afterwards', () => {
  expect(Object.isFrozen(definePlugin({ name: 'acme', api: 1 }))).toBe(true)
})

test('a mappable region that does not say what backs it does not compile, nor one that says it wrongly', () => {
  const common = { kind: { vendor: 1, subtype: 1 }, sizeBytes: 4096 }
  // @ts-expect-error backing is missing
  const silent: Region = { ...common, fault: () => ({ bar: 0, offset: 0 }) }
  // @ts-expect-error fault is missing
  const pageless: Region = { ...common, backing: 'bar' }
  // @ts-expect-error a page of a BAR is no memory
  const mixed: Region = { ...common, backing: 'memory', fault: () => ({ bar: 0, offset: 0 }) }
  expect([silent, pageless, mixed]).toHaveLength(3)
})
