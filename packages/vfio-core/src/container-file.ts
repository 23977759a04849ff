/**
 * An open container: the IOMMU context that groups attach to. Kernel: `struct vfio_container`.
 *
 * DMA mappings live here; in this model a container only says which IOMMU type was chosen.
 */
import type { Operation } from '@vfiokit/locking'
import type { IoctlCall } from './device-driver.ts'
import type { Group } from './group.ts'
import { OpenFile, unknownIoctl } from './open-file.ts'
import { API_VERSION, CONTAINER_IOCTL, FILE_DESCRIPTOR, IOMMU_TYPE } from './uapi/index.ts'
import { VfioError } from './vfio-error.ts'

const SUPPORTED_TYPES: readonly number[] = Object.values(IOMMU_TYPE)

/** What opening `/dev/vfio/vfio` gives. */
export class ContainerFile extends OpenFile {
  readonly title = 'container'
  readonly groups: Set<Group> = new Set()
  /** The IOMMU type, once SET_IOMMU chose one. */
  iommuType: number | undefined

  /** A group leaves; without groups a container has no backend. */
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
        return SUPPORTED_TYPES.includes(FILE_DESCRIPTOR.decode(argument).fd) ? 1 : 0
      case CONTAINER_IOCTL.SET_IOMMU:
        return this.#setIommu(FILE_DESCRIPTOR.decode(argument).fd)
      default:
        throw unknownIoctl(this.title, request)
    }
  }

  #setIommu(type: number): number {
    if (this.groups.size === 0) throw new VfioError('EINVAL', 'no-container', 'no group is attached')
    if (this.iommuType !== undefined)
      throw new VfioError('EINVAL', 'no-iommu-driver', 'a type was chosen already')
    if (!SUPPORTED_TYPES.includes(type))
      throw new VfioError('ENODEV', 'no-iommu-driver', `no IOMMU driver has type ${type}`)
    this.iommuType = type
    return 0
  }

  protected override *release(): Operation<void> {}
}
