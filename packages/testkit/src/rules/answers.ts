/** How regions answer a user, in words that can be compared: before and after, here and there. */
import { outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import type { SurveyedRegion } from '../observed-plugin.ts'
import { mappableParts } from '../region-check.ts'
import { sampledAreas } from '../samples.ts'

/** How a first read, write and touch of each region end. */
export function answers(regions: readonly SurveyedRegion[], user: DeviceUser): string[] {
  return regions.flatMap((each) => {
    const { index } = each
    const [part] = mappableParts(each)
    const [area] = part === undefined ? [] : sampledAreas(part.area)
    const mapping = area && user.map({ ...each, area })
    const touched = mapping && outcomeOf(() => user.load(mapping, 0))
    if (mapping !== undefined) user.munmap(mapping)
    const read = outcomeOf(() => user.read(index, 0, 1))
    const write = outcomeOf(() => user.write(index, 0, new Uint8Array(1)))
    return [`region ${index}: read ${read}, write ${write}, touch ${touched ?? 'none'}`]
  })
}
