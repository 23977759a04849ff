/** How regions answer a user, in words that can be compared: before and after, here and there. */
import { outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import type { SurveyedRegion } from '../region-check.ts'

/** How a first read, write and touch of each region end. */
export function answers(regions: readonly SurveyedRegion[], user: DeviceUser): string[] {
  return regions.flatMap(({ index, region }) => {
    const mapping = region.fault === undefined ? undefined : user.mmap(index, 0, region.sizeBytes)
    const touched = mapping && outcomeOf(() => user.load(mapping, 0))
    if (mapping !== undefined) user.munmap(mapping)
    const read = outcomeOf(() => user.read(index, 0, 1))
    const write = outcomeOf(() => user.write(index, 0, new Uint8Array(1)))
    return [`region ${index}: read ${read}, write ${write}, touch ${touched ?? 'none'}`]
  })
}
