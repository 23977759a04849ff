/** What an ioctl is given by address: a struct, or a string. The buffer ends where user memory ends. */
import type { Fields, Struct, StructValue } from './uapi/index.ts'
import { VfioError } from './vfio-error.ts'

/** A string may be this long, its end included. Kernel: `strndup_user(arg, PAGE_SIZE)`. */
const STRING_MAX_BYTES = 4096

/**
 * The struct that an argument begins with. Kernel: `copy_from_user`.
 *
 * @throws VfioError EFAULT when the argument ends before the struct does.
 */
export function structIn<F extends Fields>(struct: Struct<F>, argument: Uint8Array): StructValue<F> {
  if (argument.length < struct.sizeBytes)
    throw new VfioError('EFAULT', 'bad-address', `${struct.name} in ${argument.length} bytes`)
  return struct.decode(argument)
}

/**
 * The struct that an argument begins with, when its argsz says so too.
 *
 * @param leastBytes - How much of the struct the caller must have; by default all of it.
 * @throws VfioError EFAULT when the argument ends before that, EINVAL when argsz says that it does.
 */
export function argumentIn<F extends Fields & { readonly argsz: 'u32' }>(
  struct: Struct<F>,
  argument: Uint8Array,
  leastBytes: number = struct.sizeBytes,
): StructValue<F> {
  requireBytes(argument, leastBytes)
  const value = struct.decode(argument)
  const argsz = value.argsz as number
  if (argsz < leastBytes)
    throw new VfioError('EINVAL', 'argsz-too-small', `${struct.name} has ${leastBytes} bytes, not ${argsz}`)
  return value
}

/** @throws VfioError EFAULT when an argument is shorter than what has to be copied. */
export function requireBytes(argument: Uint8Array, bytes: number): void {
  if (argument.length < bytes)
    throw new VfioError('EFAULT', 'bad-address', `${bytes} bytes in an argument of ${argument.length}`)
}

/**
 * The string that an argument is, up to its NUL.
 *
 * @throws VfioError EFAULT when it has no end, EINVAL when it is longer than a page.
 */
export function stringIn(argument: Uint8Array): string {
  const end = argument.indexOf(0)
  if (end >= STRING_MAX_BYTES || (end < 0 && argument.length >= STRING_MAX_BYTES))
    throw new VfioError('EINVAL', 'bad-name', 'a name longer than a page')
  if (end < 0) throw new VfioError('EFAULT', 'bad-address', 'a name without its NUL')
  return new TextDecoder().decode(argument.subarray(0, end))
}
