/** All states and all steps between them, without any reduction: what questions about for ever need. */
import type { StateSearch } from './state-search.ts'

const FIRST_EDGES = 1 << 14

/** A graph of stored states. Edges of one state stand side by side. */
export class StateGraph {
  /** `firstEdge[state]` to `firstEdge[state + 1]`. */
  readonly firstEdge: Int32Array
  to: Int32Array = new Int32Array(FIRST_EDGES)
  task: Uint8Array = new Uint8Array(FIRST_EDGES)
  way: Uint8Array = new Uint8Array(FIRST_EDGES)
  /** Whether `progress()` is said with the step. */
  progress: Uint8Array = new Uint8Array(FIRST_EDGES)
  edgeCount = 0

  /** @param search - Done, and without reductions. */
  constructor(readonly search: StateSearch) {
    const { store } = search
    this.firstEdge = new Int32Array(store.count + 1)
    for (let state = 0; state < store.count; state++) {
      this.firstEdge[state] = this.edgeCount
      this.#edgesOf(state)
    }
    this.firstEdge[store.count] = this.edgeCount
  }

  #edgesOf(state: number): void {
    const { machine, packing, store } = this.search
    packing.unpack(store.states, state * packing.words)
    const mark = machine.mark
    for (let task = 0; task < machine.taskCount; task++) {
      if (!machine.isEnabled(task)) continue
      const ways = machine.ways(task)
      for (let way = 0; way < ways; way++) {
        const node = machine.tables.nodes[machine.state[task]!]!
        const result = machine.take(task, way)
        packing.pack(store.states, store.candidate)
        const known = store.add(state)
        if (known >= 0) throw new Error('a graph was asked for before all states were seen')
        this.#add(-known - 1, task, way, result >= 0 && node.progress[result] === true)
        machine.undoTo(mark)
      }
    }
  }

  #add(to: number, task: number, way: number, progress: boolean): void {
    if (this.edgeCount === this.to.length) {
      this.to = grown(this.to, Int32Array)
      this.task = grown(this.task, Uint8Array)
      this.way = grown(this.way, Uint8Array)
      this.progress = grown(this.progress, Uint8Array)
    }
    this.to[this.edgeCount] = to
    this.task[this.edgeCount] = task
    this.way[this.edgeCount] = way
    this.progress[this.edgeCount++] = Number(progress)
  }
}

function grown<T extends Int32Array | Uint8Array>(array: T, kind: new (length: number) => T): T {
  const larger = new kind(2 * array.length)
  larger.set(array)
  return larger
}
