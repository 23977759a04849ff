/** The rule about memory that opens leave behind in the plugin. */
import { demand } from '../demand.ts'
import type { PluginBench } from '../plugin-bench.ts'
import type { ChecksNamed, RegionCheck, RuleContext } from '../region-check.ts'

const BLOCKS = 4
const OPENS = 250
/** What V8 compiles and throws away meanwhile is some hundred bytes for each of so few opens. */
const BYTES_MAX = 1024

const leakHeap: RegionCheck = {
  needs: ['open-again', 'map-pages'],
  silent: () => (collector() === undefined ? 'memory can be measured under Node.js only' : undefined),
  check(context) {
    const collect = collector()!
    const bench = context.bench()
    // What is compiled and cached at first use is no leak.
    useMany(bench, context)
    let before = collect()
    const growth = Array.from({ length: BLOCKS }, () => {
      useMany(bench, context)
      const after = collect()
      const grown = after - before
      before = after
      return grown / OPENS
    })
    // A leak grows in every block. Anything else that takes memory meanwhile does so in some.
    const least = Math.round(Math.min(...growth))
    demand(least < BYTES_MAX, `every open leaves ${least} bytes behind`)
    context.measured = `${Math.max(0, least)} bytes an open`
  },
}

function useMany(bench: PluginBench, { mappable, readable }: RuleContext): void {
  for (let turn = 0; turn < OPENS; turn++) {
    const user = bench.open()
    for (const { index } of readable) user.read(index, 0, 1)
    for (const { index, area } of mappable) {
      const mapping = user.mmap(index, area.offset, 1)
      user.load(mapping, 0)
      user.munmap(mapping)
    }
    user.close()
  }
  bench.observed.calls.length = 0
}

/** Collects garbage and tells how many bytes are in use; undefined where that cannot be had. */
function collector(): (() => number) | undefined {
  const node = (globalThis as { process?: NodeJS.Process }).process
  const v8 = node?.getBuiltinModule?.('node:v8')
  const vm = node?.getBuiltinModule?.('node:vm')
  if (node === undefined || v8 === undefined || vm === undefined) return undefined
  v8.setFlagsFromString('--expose-gc')
  const gc = vm.runInNewContext('gc') as () => void
  return () => {
    // What a first collection frees may keep other things alive until the second.
    gc()
    gc()
    const { heapUsed, external } = node.memoryUsage()
    return heapUsed + external
  }
}

/** By id, in the order in which they are asked. */
export const LEAK_CHECKS: ChecksNamed<'leak'> = { 'leak-heap': leakHeap }
