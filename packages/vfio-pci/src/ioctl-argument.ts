/** What every info and control ioctl does first: copy its fixed part, then look at argsz. */
import { type Struct, type StructValue, VfioError } from '@vfiokit/vfio-core'

/**
 * The struct that an argument begins with. Kernel: `copy_from_user(minsz)`, `argsz < minsz`.
 *
 * @param leastBytes - How much of the struct the caller must have; by default all of it.
 * @throws VfioError EFAULT when the argument ends before that, EINVAL when argsz says that it does.
 */
export function argumentIn<F extends { readonly argsz: 'u32' }>(
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
