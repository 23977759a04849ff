/** An open container: the IOMMU context that groups attach to. Kernel: `struct vfio_container`. */
import { LockRegistry, type Operation, type VfioErrno } from '@vfiokit/locking'
import type { IoctlCall } from './device-driver.ts'
import type { Group } from './group.ts'
import { dirtyPages } from './iommu/dirty-pages.ts'
import { iommuInfo } from './iommu/iommu-info.ts'
import { mapDma } from './iommu/map-dma.ts'
import { Type1Iommu } from './iommu/type1-iommu.ts'
import { unmapDma } from './iommu/unmap-dma.ts'
import { type KernelProfile, kernelProfile } from './kernel-profile.ts'
import { OpenFile, unknownIoctl } from './open-file.ts'
import { API_VERSION, CONTAINER_IOCTL, FILE_DESCRIPTOR, IOMMU_TYPE } from './uapi/index.ts'
import { VfioError } from './vfio-error.ts'

const TYPES: readonly number[] = Object.values(IOMMU_TYPE)

/** What opening `/dev/vfio/vfio` gives. Its groups keep it: it works on when its descriptor is closed. */
export class ContainerFile extends OpenFile {
  readonly title = 'container'
  readonly groups: Set<Group> = new Set()
  #iommu: Type1Iommu | undefined

  constructor(
    readonly profile: KernelProfile = kernelProfile(),
    readonly locks: Pick<LockRegistry, 'mutex' | 'destroy'> = new LockRegistry(),
  ) {
    super()
  }

  /** The IOMMU with all mappings, once SET_IOMMU chose a type. */
  get iommu(): Type1Iommu | undefined {
    return this.#iommu
  }

  /** The IOMMU type, once SET_IOMMU chose one. */
  get iommuType(): number | undefined {
    return this.#iommu?.type
  }

  override get mmapRefusal(): VfioErrno {
    return this.profile.containerMmap
  }

  /** A group leaves; without groups a container has no IOMMU, and no mapping is left. */
  detach(group: Group): void {
    this.groups.delete(group)
    if (this.groups.size > 0 || this.#iommu === undefined) return
    this.locks.destroy(this.#iommu.lock)
    this.#iommu = undefined
  }

  override *ioctl(call: IoctlCall): Operation<number> {
    const { request, argument } = call
    switch (request) {
      case CONTAINER_IOCTL.GET_API_VERSION:
        return API_VERSION
      case CONTAINER_IOCTL.CHECK_EXTENSION:
        return this.#has(FILE_DESCRIPTOR.decode(argument).fd) ? 1 : 0
      case CONTAINER_IOCTL.SET_IOMMU:
        return this.#setIommu(FILE_DESCRIPTOR.decode(argument).fd)
      default:
        return yield* this.#iommuIoctl(call)
    }
  }

  /** What the container does not know itself, its IOMMU may. */
  *#iommuIoctl(call: IoctlCall): Operation<number> {
    const iommu = this.#iommu
    if (iommu === undefined)
      throw new VfioError('EINVAL', 'no-iommu-driver', 'no IOMMU type is set that could answer')
    switch (call.request) {
      case CONTAINER_IOCTL.IOMMU_GET_INFO:
        return iommuInfo(iommu, call.argument)
      case CONTAINER_IOCTL.IOMMU_MAP_DMA:
        return yield* mapDma(iommu, call)
      case CONTAINER_IOCTL.IOMMU_UNMAP_DMA:
        return yield* unmapDma(iommu, call)
      case CONTAINER_IOCTL.IOMMU_DIRTY_PAGES:
        return yield* dirtyPages(iommu, call)
      default:
        throw unknownIoctl(this.title, call.request)
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
    this.#iommu = new Type1Iommu(type, this.profile, this.locks.mutex('vfio_iommu'))
    return 0
  }

  protected override *release(): Operation<void> {}
}
