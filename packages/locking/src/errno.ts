/**
 * The errnos that vfio answers with, by the kernel's names.
 *
 * They live in the lowest package because a locking strategy already refuses with one (EBUSY).
 * Numbers: Linux asm-generic/errno-base.h and errno.h.
 */

/** Number of each errno, as the kernel returns it (positive). */
export const ERRNO_NUMBERS = {
  EPERM: 1,
  ENOENT: 2,
  EIO: 5,
  E2BIG: 7,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOTTY: 25,
  ENOSPC: 28,
  ERANGE: 34,
  ENOMSG: 42,
  ETIME: 62,
  EOVERFLOW: 75,
  EBADFD: 77,
  EOPNOTSUPP: 95,
} as const

/** Name of an errno of the modelled ABI. */
export type VfioErrno = keyof typeof ERRNO_NUMBERS
