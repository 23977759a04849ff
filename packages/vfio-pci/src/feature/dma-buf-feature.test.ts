import { STRATEGIES } from '@vfiokit/locking-strategies'
import {
  DEVICE_FEATURE,
  DEVICE_IOCTL,
  DMA_BUF_GET,
  DMA_BUF_RANGE,
  DmaBuf,
  type DmaBufRange,
  FEATURE,
  KERNEL_VERSIONS,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { failure, type GuestDevice, now } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'

const PAGE = 4096n
const GET = 0x1_0000
const ONE_PAGE: readonly DmaBufRange[] = [{ offset: 0n, length: PAGE }]

function exported(
  device: GuestDevice,
  ranges = ONE_PAGE,
  request: { region?: number; flags?: number } = {},
): DmaBuf {
  const { region = 0, flags = 0 } = request
  const payload = DMA_BUF_GET.sizeBytes + ranges.length * DMA_BUF_RANGE.sizeBytes
  const argsz = DEVICE_FEATURE.sizeBytes + payload
  const argument = DEVICE_FEATURE.encode({ argsz, flags: GET | FEATURE.DMA_BUF }, payload)
  DMA_BUF_GET.write(
    argument,
    { region_index: region, flags, nr_ranges: ranges.length },
    DEVICE_FEATURE.sizeBytes,
  )
  ranges.forEach((range, at) => {
    const start = DEVICE_FEATURE.sizeBytes + DMA_BUF_GET.sizeBytes + at * DMA_BUF_RANGE.sizeBytes
    DMA_BUF_RANGE.write(argument, range, start)
  })
  const fd = device.ioctl(DEVICE_IOCTL.DEVICE_FEATURE, argument)
  const file = device.guest.calls.process.file(fd)
  if (!(file instanceof DmaBuf)) throw new Error(`fd ${fd} is ${file.title}`)
  return file
}

/** An importer that notes what memory was like each time it had to let go. */
function importer(memoryIsOn: () => boolean, can: { peerToPeer?: boolean; revocable?: boolean } = {}) {
  const seen: boolean[] = []
  const { peerToPeer = true, revocable = true } = can
  return { seen, peerToPeer, revocable, invalidated: () => seen.push(memoryIsOn()) }
}

test.each(KERNEL_VERSIONS)('%s: the feature is there on 7.2 only', (kernel) => {
  const nvme = new Host({ kernel }).guest().open('nvme')
  const probe = DEVICE_FEATURE.encode({ argsz: 8, flags: 0x4_0000 | FEATURE.DMA_BUF })
  expect(failure(() => nvme.ioctl(DEVICE_IOCTL.DEVICE_FEATURE, probe))).toBe(
    kernel === '7.2' ? undefined : 'ENOTTY',
  )
})

test('what a request is refused for', () => {
  const nvme = new Host().guest().open('nvme')
  const size = BigInt(nvme.region(0).sizeBytes)
  const refused = (ranges: readonly DmaBufRange[], request?: { region?: number; flags?: number }) =>
    failure(() => exported(nvme, ranges, request))
  expect([refused([]), refused(ONE_PAGE, { flags: 1 }), refused(ONE_PAGE, { region: 6 })]).toEqual([
    'EINVAL',
    'EINVAL',
    'ENODEV',
  ])
  expect(refused(ONE_PAGE, { region: 1 })).toBe('ENODEV')
  expect([
    refused([{ offset: 0n, length: 0n }]),
    refused([{ offset: 0x800n, length: PAGE }]),
    refused([{ offset: 0n, length: 0x800n }]),
    refused([{ offset: size, length: PAGE }]),
    refused([...ONE_PAGE, { offset: 0n, length: size + PAGE }]),
  ]).toEqual(Array(5).fill('EINVAL'))
  expect(refused([{ offset: 2n ** 64n - PAGE, length: PAGE }])).toBe('EOVERFLOW')
  expect(refused([...ONE_PAGE, ...ONE_PAGE])).toBe(undefined)
})

describe.each(STRATEGIES)('$name', (strategy) => {
  test('T67 made with memory off it is revoked; memory on restores it, off invalidates before the write returns', () => {
    const host = new Host({ strategy })
    const nvme = host.guest().open('nvme')
    nvme.setMemory(false)
    const buffer = exported(nvme)
    const who = importer(() => host.device('nvme').cells.memoryEnabled.peek())
    expect(failure(() => buffer.attach(who))).toBe('ENODEV')
    nvme.setMemory(true)
    const attachment = buffer.attach(who)
    expect(attachment.map()).toEqual(ONE_PAGE)
    nvme.setMemory(false)
    expect([who.seen, attachment.isMapped]).toEqual([[true], false])
    expect(failure(() => attachment.map())).toBe('ENODEV')
    nvme.setMemory(false)
    expect(who.seen).toEqual([true])
    nvme.setMemory(true)
    expect([attachment.map(), who.seen.length]).toEqual([ONE_PAGE, 2])
  })

  test('a reset of the function or of the slot revokes, and gives back', () => {
    const nvme = new Host({ strategy }).guest().open('nvme')
    nvme.setMemory(true)
    const buffer = exported(nvme)
    for (const reset of [() => nvme.reset(), () => nvme.hotReset()]) {
      const who = importer(() => buffer.isRevoked)
      const attachment = buffer.attach(who)
      attachment.map()
      reset()
      expect([who.seen, attachment.isMapped, buffer.isRevoked]).toEqual([[true, true], false, false])
    }
  })

  test('T68 it outlives its device, revoked for ever, and keeps nobody from unregistering', () => {
    const host = new Host({ strategy })
    const nvme = host.guest().open('nvme')
    nvme.setMemory(true)
    const buffer = exported(nvme)
    const attachment = buffer.attach(importer(() => true))
    nvme.close()
    expect(failure(() => attachment.map())).toBe('ENODEV')
    const again = host.guest().open('nvme')
    again.setMemory(true)
    expect(failure(() => attachment.map())).toBe('ENODEV')
    again.close()
    host.bus.unbind(nvme.guest.host.device('nvme').id as never)
    expect(host.core.locks.busy()).toEqual([])
  })
})

test('an importer that cannot do it is told so', () => {
  const nvme = new Host().guest().open('nvme')
  nvme.setMemory(true)
  const buffer = exported(nvme)
  expect(failure(() => buffer.attach(importer(() => true, { peerToPeer: false })))).toBe('EOPNOTSUPP')
  expect(failure(() => buffer.attach(importer(() => true, { revocable: false })))).toBe('EOPNOTSUPP')
  const attachment = buffer.attach(importer(() => true))
  attachment.map()
  attachment.unmap()
  buffer.detach(attachment)
  nvme.setMemory(false)
  expect([buffer.attachments.size, attachment.isMapped]).toEqual([0, false])
})

test('a closed buffer is not revoked any more: the device forgot it', () => {
  const host = new Host()
  const nvme = host.guest().open('nvme')
  exported(nvme)
  for (const [fd, file] of nvme.guest.calls.process.files)
    if (file instanceof DmaBuf) now(nvme.guest.calls.close(fd))
  expect(host.device('nvme').exported).toBe(undefined)
})
