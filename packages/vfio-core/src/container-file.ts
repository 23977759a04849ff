/**
 * An open container: the IOMMU context that groups attach to. Kernel: `struct vfio_container`.
 *
 * DMA mappings live here; in this model a container only says which IOMMU type was chosen.
 */
import type { Operation } from '@vfiokit/locking'
import type { IoctlCall } from './device-driver.ts'
import type { Group } from './group.ts'
import { type KernelProfile, kernelProfile } from './kernel-profile.ts'
import { OpenFile, unknownIoctl } from './open-file.ts'
import { API_VERSION, CONTAINER_IOCTL, FILE_DESCRIPTOR, IOMMU_TYPE } from './uapi/index.ts'
import { VfioError } from './vfio-error.ts'

const TYPES: readonly number[] = Object.values(IOMMU_TYPE)

/** What opening `/dev/vfio/vfio` gives. Its groups keep it: it works on when its descriptor is closed. */
export class ContainerFile extends OpenFile {
  readonly title = 'container'
  readonly groups: Set<Group> = new Set()
  /** The IOMMU type, once SET_IOMMU chose one. */
  iommuType: number | undefined

  constructor(readonly profile: KernelProfile = kernelProfile()) {
    super()
  }

  /** A group leaves; without groups a container has no IOMMU. */
  detach(group: Group): void {
    this.groups.delete(group)
    if (this.groups.size === 0) this.iommuType = undefined
  }

  // biome-ignore lint/correctness/useYield: nothing here waits for anybody
  override *ioctl({ request, argument }: IoctlCall): Operation<number> {
    switch (request) {
      case CONTAINER_IOCTL.GET_API_VERSION:
        return API_VERSION
      case CONTAINER_IOCTL.CHECK_EXTENSION:
        return this.#has(FILE_DESCRIPTOR.decode(argument).fd) ? 1 : 0
      case CONTAINER_IOCTL.SET_IOMMU:
        return this.#setIommu(FILE_DESCRIPTOR.decode(argument).fd)
      default:
        if (this.iommuType === undefined)
          throw new VfioError('EINVAL', 'no-iommu-driver', 'no IOMMU type is set that could answer')
        throw unknownIoctl(this.title, request)
    }
  }

  #has(extension: number): boolean {
    const { containerExtensions, containerExtensionsWithType } = this.profile
    if (containerExtensions.includes(extension)) return true
    return this.iommuType !== undefined && containerExtensionsWithType.includes(extension)
  }

  #setIommu(type: number): number {
    if (this.groups.size === 0) throw new VfioError('EINVAL', 'no-container', 'no group is attached')
    if (this.iommuType !== undefined)
      throw new VfioError('EINVAL', 'has-iommu-type', `the type is ${this.iommuType} already`)
    if (!TYPES.includes(type)) {
      const { containerExtensions, setIommuToExtension } = this.profile
      const errno = containerExtensions.includes(type) ? setIommuToExtension : 'ENODEV'
      throw new VfioError(errno, 'no-iommu-driver', `no IOMMU driver has type ${type}`)
    }
    this.iommuType = type
    return 0
  }

  protected override *release(): Operation<void> {}
}
