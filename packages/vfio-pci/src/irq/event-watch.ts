/** Acts whenever a user signals an eventfd. Kernel: `struct virqfd`, `vfio_virqfd_enable`. */
import type { Eventfd, KernelProfile } from '@vfiokit/vfio-core'

/**
 * Watches an eventfd, and acts at once when it was signalled before.
 *
 * @param act - Called from inside the signal: it must not wait.
 * @param ended - The last descriptor was closed, so nobody can signal it any more.
 * @returns ends it
 */
export function watchEventfd(
  eventfd: Eventfd,
  profile: Pick<KernelProfile, 'irqfdDrains'>,
  act: () => void,
  ended: () => void = () => {},
): () => void {
  const signalled = (): void => {
    if (profile.irqfdDrains) eventfd.consume()
    act()
  }
  const stop = eventfd.wait({ signalled, hungUp: ended })
  if (eventfd.count > 0n) act()
  return stop
}
