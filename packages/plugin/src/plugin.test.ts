import { definePlugin, isPlugin, PLUGIN_API } from '@vfiokit/plugin'
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
