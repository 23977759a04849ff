/** Rules about BARs that are not as the function has them. */
import { PAGE_SIZE_BYTES, PCI_REGION, pagesOf, REGION_FLAGS } from '@vfiokit/vfio-core'
import type { BarReplacement, Variant } from '@vfiokit/vfio-pci'
import { demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { DISTURBANCES } from '../disturbance.ts'
import { CARD } from '../fixture-topology.ts'
import type { ChecksNamed, RegionCheck } from '../region-check.ts'
import type { VariantRuleId } from './variant-rules.ts'

const FIRST_REGISTER = 0x10
const REGISTER_BYTES = 4
const ALL_ONES = 0xffff_ffffn

const cutVisible: RegionCheck = {
  silent: ({ variant }) => (cutsOf(variant).length > 0 ? undefined : 'no BAR is cut'),
  check(context) {
    const { bench, user } = context.opened()
    const { resources } = bench.bus.machine.hardware(CARD)!
    for (const [index, { visibleBytes }] of cutsOf(context.variant)) {
      const whole = resources.find(({ bar }) => bar === index)?.sizeBytes ?? 0
      const visible = Math.min(visibleBytes, whole)
      const { flags, sizeBytes } = user.regionInfo(index)
      demandSame(`size of BAR ${index}`, sizeBytes, visible)
      demandSame(`a read across the end of BAR ${index}`, user.read(index, visible - 1, 4).length, 1)
      const behind = [
        () => user.read(index, visible, 1),
        () => user.write(index, visible, new Uint8Array(1)),
        () => user.mmap(index, pagesOf(visible) * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES),
      ]
      demandSame(`read, write and mmap behind BAR ${index}`, behind.map(outcomeOf), Array(3).fill('EINVAL'))
      if ((flags & REGION_FLAGS.MMAP) === 0) continue
      const mapping = user.mmap(index, 0, visible)
      const touch = outcomeOf(() => user.load(mapping, pagesOf(visible) - 1))
      demandSame(`a touch of the last page of BAR ${index}`, touch, 'ok')
    }
  },
}

const registerSized: RegionCheck = {
  silent: ({ variant }) => (registersOf(variant).length > 0 ? undefined : 'no BAR has another register'),
  check(context) {
    const { bench, user } = context.opened()
    const demandSized = (when: string) => {
      for (const [index, register] of registersOf(context.variant))
        demandSame(`the register of BAR ${index} ${when}`, sized(user, index, register), answerOf(register))
    }
    demandSized('after open')
    for (const name of ['function reset', 'hot reset'] as const) {
      if (!DISTURBANCES[name].possible(bench)) continue
      DISTURBANCES[name].begin(user, bench)
      demandSized(`after a ${name}`)
    }
  },
}

type Register = NonNullable<BarReplacement['register']>

/** What users read when they have written ones. */
function sized(user: DeviceUser, index: number, { width }: Register): bigint {
  const at = FIRST_REGISTER + index * REGISTER_BYTES
  const bytes = width / 8
  const before = user.read(PCI_REGION.CONFIG, at, bytes)
  user.write(PCI_REGION.CONFIG, at, new Uint8Array(bytes).fill(0xff))
  const found = user.read(PCI_REGION.CONFIG, at, bytes)
  user.write(PCI_REGION.CONFIG, at, before)
  return found.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

/** Base address bits of that size over the bits that say of what kind it is. */
function answerOf({ kind, width, prefetchable, sizeBytes }: Register): bigint {
  const ones = width === 64 ? (ALL_ONES << 32n) | ALL_ONES : ALL_ONES
  const type = kind === 'io' ? 1n : (width === 64 ? 4n : 0n) | (prefetchable ? 8n : 0n)
  return (ones & ~(BigInt(sizeBytes) - 1n)) | type
}

function cutsOf({ bars = {} }: Variant) {
  return Object.entries(bars).flatMap(([index, bar]) =>
    'visibleBytes' in bar ? [[Number(index), bar] as const] : [],
  )
}

function registersOf({ bars = {} }: Variant) {
  return Object.entries(bars).flatMap(([index, bar]) =>
    'visibleBytes' in bar || bar.register === undefined ? [] : [[Number(index), bar.register] as const],
  )
}

/** By id, in the order in which they are asked. */
export const BAR_CHECKS: ChecksNamed<'cut' | 'register', VariantRuleId> = {
  'cut-visible': cutVisible,
  'register-sized': registerSized,
}
