/** Every strategy that ships, the default first. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { rfc2021 } from './rfc-2021.ts'
import { unmapRange } from './unmap-range.ts'
import { vmaList } from './vma-list.ts'

/** To choose from by name. The canaries are not among them. */
export const STRATEGIES: readonly AnyLockingStrategy[] = [unmapRange, rfc2021, vmaList]
