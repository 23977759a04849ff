import { definePlugin, type Plugin } from '@vfiokit/plugin'
import { pluginName } from './strategy.ts'

const plugin: Plugin = definePlugin({ name: 'plugin-name', api: 1, lockingStrategies: [pluginName] })

export default plugin
