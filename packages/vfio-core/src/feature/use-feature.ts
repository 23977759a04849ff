/**
 * VFIO_DEVICE_FEATURE: what a device can do beyond the ioctls that all have. Kernel:
 * `vfio_ioctl_device_feature`, `vfio_check_feature`.
 *
 * The checks come in this order: header, is there such a feature (ENOTTY), operation, probe, payload.
 */
import type { Operation } from '@vfiokit/locking'
import type { DeviceDriver, IoctlCall } from '../device-driver.ts'
import type { DeviceFile } from '../device-file.ts'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import { DEVICE_FEATURE, DEVICE_FEATURE_FLAGS } from '../uapi/index.ts'
import { VfioError } from '../vfio-error.ts'
import type { DeviceFeature } from './device-feature.ts'
import { dmaLoggingFeature } from './dma-logging.ts'
import { migrationFeature } from './migration-features.ts'

const { MASK, GET, SET, PROBE } = DEVICE_FEATURE_FLAGS

/** Answers the ioctl for one open device. */
export function* useFeature(file: DeviceFile, { argument, process }: IoctlCall): Operation<number> {
  const { argsz, flags } = argumentIn(DEVICE_FEATURE, argument)
  if ((flags & ~(MASK | GET | SET | PROBE)) !== 0)
    throw new VfioError('EINVAL', 'bad-flags', `flags 0x${(flags >>> 0).toString(16)}`)
  if ((flags & PROBE) === 0 && (flags & GET) !== 0 && (flags & SET) !== 0)
    throw new VfioError('EINVAL', 'bad-flags', 'get and set at once')
  const feature = featureOf(file, flags & MASK)
  const wanted = operationOf(feature, flags)
  if (wanted === undefined) return 0
  if (argsz - DEVICE_FEATURE.sizeBytes < feature.payloadBytes)
    throw new VfioError('EINVAL', 'argsz-too-small', `${feature.payloadBytes} bytes of payload`)
  requireBytes(argument, DEVICE_FEATURE.sizeBytes + feature.payloadBytes)
  return yield* wanted.call(feature, { process, payload: argument.subarray(DEVICE_FEATURE.sizeBytes) })
}

/** What a feature ioctl is to do; undefined: it only asks whether it could. */
function operationOf(feature: DeviceFeature, flags: number): DeviceFeature['get'] {
  const unsupported = ((flags & GET) !== 0 && !feature.get) || ((flags & SET) !== 0 && !feature.set)
  if (unsupported) throw new VfioError('EINVAL', 'unsupported', 'the feature has no such operation')
  if ((flags & PROBE) !== 0) return undefined
  if ((flags & (GET | SET)) === 0) throw new VfioError('EINVAL', 'bad-flags', 'neither get, set nor probe')
  return (flags & GET) !== 0 ? feature.get : feature.set
}

function featureOf({ device, profile }: DeviceFile, index: number): DeviceFeature {
  const { driver } = device
  const feature =
    driver.variantFeature?.(index) ??
    (profile.deviceFeatures.includes(index) ? knownFeature(driver, index) : undefined)
  if (feature === undefined)
    throw new VfioError('ENOTTY', 'unsupported', `${device.id} has no feature ${index}`)
  return feature
}

/** One that the kernel knows, if the device has it. */
function knownFeature(driver: DeviceDriver, index: number): DeviceFeature | undefined {
  return (
    migrationFeature(driver.migration, index) ??
    dmaLoggingFeature(driver.dmaLogging, index) ??
    driver.feature?.(index)
  )
}
