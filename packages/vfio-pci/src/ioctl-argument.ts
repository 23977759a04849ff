/** What every info and control ioctl does first: copy its fixed part, then look at argsz. */
export { argumentIn, requireBytes } from '@vfiokit/vfio-core'
