import { definePlugin, type Plugin } from '@vfiokit/plugin'
import { pluginName } from './reader.ts'

const plugin: Plugin = definePlugin({ name: 'plugin-name', api: 1, topologyReaders: [pluginName] })

export default plugin
