/** CPU time, which does not depend on who else is using the machine. */

/** @returns a function that answers how many CPU seconds have gone by since. */
export function cpuClock(): () => number {
  const start = process.cpuUsage()
  return () => {
    const { user, system } = process.cpuUsage(start)
    return (user + system) / 1e6
  }
}
