/** Drives a search that works slice by slice, whichever mode it is of, to its end at once. */
export function runToEnd<T>(search: Generator<unknown, T>): T {
  for (;;) {
    const next = search.next()
    if (next.done) return next.value
  }
}
