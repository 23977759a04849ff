/** SIGINT, for commands that end with what is known. */

/** The first SIGINT is seen; the second one ends the process, as ever. */
export interface Interrupt {
  readonly seen: boolean
  /** Looks out no longer. */
  forget(): void
}

/** Looks out for the first SIGINT. */
export function watchInterrupt(): Interrupt {
  let seen = false
  const onInterrupt = () => {
    seen = true
    process.off('SIGINT', onInterrupt)
  }
  process.on('SIGINT', onInterrupt)
  return {
    get seen() {
      return seen
    },
    forget: () => void process.off('SIGINT', onInterrupt),
  }
}
