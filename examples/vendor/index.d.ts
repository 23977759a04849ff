/** Types of the plugin, for who imports it: the file itself is JavaScript. */
import type { Plugin, RegionProvider } from '@vfiokit/plugin'

export declare const brightline: RegionProvider

declare const plugin: Plugin
export default plugin
