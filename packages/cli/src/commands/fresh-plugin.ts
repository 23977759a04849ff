/**
 * Loads a plugin file as if for the first time, and so that its memory can be given back.
 *
 * Node keeps every ES module that was imported for as long as the process lives, also one with a query behind its
 * path. So the file, and whatever it imports, is made CommonJS and run as functions that nobody keeps. What that
 * cannot do is `await` outside of functions.
 */
import { checkPlugin, type LoadedPlugin } from '@vfiokit/host'

const OPTIONS = { fsCache: false, moduleCache: false, tryNative: false, interopDefault: false } as const

/**
 * @param specifier - How messages call it.
 * @param file - Absolute path of an ES module or CommonJS, in JavaScript or TypeScript.
 */
export async function freshPlugin(specifier: string, file: string): Promise<LoadedPlugin> {
  const { createJiti } = await import('jiti')
  let loaded: unknown
  try {
    loaded = createJiti(file, OPTIONS)(file)
  } catch (cause) {
    const message = `plugin ${specifier} cannot be loaded`
    return {
      complaints: [
        { code: 'plugin-not-loaded', message, expected: 'a module that loads', found: textOf(cause) },
      ],
    }
  }
  return checkPlugin(specifier, defaultOf(loaded))
}

/** CommonJS exports what ES modules call the default. */
function defaultOf(loaded: unknown): unknown {
  const isModule = typeof loaded === 'object' && loaded !== null && '__esModule' in loaded
  return isModule ? (loaded as { default?: unknown }).default : loaded
}

function textOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause)
  return `${cause.name}: ${cause.message.replaceAll(/\s+/g, ' ').trim()}`
}
