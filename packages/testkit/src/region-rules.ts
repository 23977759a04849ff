/** The contract of a region provider: what each rule says, as a fact about a provider that keeps it. */

/** Rules by id, in the order in which they are asked. */
export const REGION_RULES = {
  'match-own': 'matches says yes to its function and no to a stranger',
  'match-pure': 'matches decides from the identity alone: the same answer each time, the device not touched',
  'open-regions': 'open answers with at least one region',
  'open-expected': 'the regions are those that the fixture expects',
  'open-separate': 'two cards of one kind share no memory',
  'open-again':
    'the device can be opened and closed 1,000 times: regions are closed as often, and no mapping, lock, file or failure is left',
  'info-stable': 'region info is the same each time it is asked, after a reset and after another open too',
  'info-index': 'indexes count from 9 up without a gap, and each region has its place in the file',
  'info-type':
    'the first capability is TYPE, with type and subtype as the region says, and it is the only one',
  'info-flags': 'the flags are the members that are there, from the first moment on',
  'info-capabilities': 'capabilities of its own reach the caller as they were given',
  'read-inside': 'every read inside the region succeeds: first and last byte, unaligned, odd and long ones',
  'read-pieces': 'a part that is read alone is that part of the whole, where the whole stands still',
  'write-inside': 'every write inside the region succeeds: first and last byte, unaligned, odd and long ones',
  'access-unaligned': 'what can be accessed aligned can be accessed unaligned, and in odd lengths',
  'access-bounds':
    'an access across the end is cut short, one behind it is EINVAL, and the plugin sees neither',
  'access-refused': 'a direction without a member is EINVAL, and the plugin is not asked',
  'access-nothing': 'reading or writing nothing answers 0 at any offset, and the plugin is not asked',
  'access-shared': 'two processes that read in turn get what one alone gets',
  'access-concurrent':
    'two processes at the same time get what each alone gets, and every access succeeds, in 40 schedules',
  'map-pages': 'every page of a mapping faults in, from what the region says backs it',
  'map-parts': 'a mapping of a part shows the pages of that part',
  'map-distinct': 'two pages of a region are two pages',
  'map-same': 'a page shows the same place each time it faults, for every process',
  'map-read': 'what is stored through a mapping of memory is what a read gets, and the other way round',
  'map-refused':
    'mapping beyond the end, or a region without fault, is EINVAL, unless the region has a say of its own',
  'map-once':
    'a region that can be mapped once for each open refuses another mapping, also after munmap; the next open can map it',
  'map-keeps-open': 'a mapping keeps the device open: close comes once, after the last munmap',
  'bar-memory-off': 'pages of a BAR go when memory is switched off, and come back when it is on',
  'bar-d3hot': 'pages of a BAR go in D3hot, and come back in D0',
  'bar-function-reset': 'pages of a BAR go with a function reset, and come back after it',
  'bar-hot-reset': 'pages of a BAR go with a hot reset, and come back after it',
  'memory-memory-off': 'pages of memory stay when memory is switched off, and a new fault gives the same',
  'memory-d3hot': 'pages of memory stay in D3hot, and a new fault gives the same',
  'memory-function-reset': 'pages of memory stay through a function reset, and a new fault gives the same',
  'memory-hot-reset': 'pages of memory stay through a hot reset, and a new fault gives the same',
  'reset-any-time': 'a reset may come at any time, and everything works after it as it did before',
  'reset-every-step':
    'a reset between any two steps of open, info, mmap, fault, read, write, munmap and close costs the user nothing',
  'reset-paired': 'each reset asks resetPrepare once, then resetDone once, in every region',
  'throw-member':
    'a member that throws costs its caller an errno, is told once, and leaves the device usable',
  'throw-nonsense':
    'a member that answers nonsense costs its caller an errno, is told once, and leaves the device usable',
  'throw-endless':
    'a read or write that never ends is stopped with EIO, is told once, and the device is usable',
  'throw-open':
    'an open that throws leaves the device open without these regions, and the next open has them',
  'contest-unmap-range':
    'faults against zaps keep every invariant under unmap-range, in 25 sampled schedules',
  'contest-rfc-2021': 'faults against zaps keep every invariant under rfc-2021, in 25 sampled schedules',
  'contest-vma-list': 'faults against zaps keep every invariant under vma-list, in 25 sampled schedules',
  'live-5.10':
    'it works as a whole under kernel 5.10 and every strategy, or opens nothing as the fixture says',
  'live-6.1': 'it works as a whole under kernel 6.1 and every strategy, or opens nothing as the fixture says',
  'live-6.12':
    'it works as a whole under kernel 6.12 and every strategy, or opens nothing as the fixture says',
  'live-7.2': 'it works as a whole under kernel 7.2 and every strategy, or opens nothing as the fixture says',
  'leak-heap':
    'memory does not grow with opens: under 1 KiB for each in the best of four times 250, after collection',
  'cost-access': 'a read of 4 bytes costs less than 1,000 times a read of a BAR; how often is measured',
  'cost-fault': 'mmap, fault and munmap cost less than 100 times those of a BAR; how often is measured',
} as const

/** Id of a rule. */
export type RegionRuleId = keyof typeof REGION_RULES
