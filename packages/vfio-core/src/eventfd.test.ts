import { describe, expect, it } from 'vitest'
import { eventfdOf } from './eventfd.ts'
import { machine, now } from './fixtures/machine.ts'
import { outcome } from './fixtures/outcome.ts'

const processes = () => {
  const { core, host } = machine()
  return { a: host.process('a'), core: core.process('a') }
}

describe('an eventfd', () => {
  it('counts, and gives the whole count once', () => {
    const { a } = processes()
    const fd = a.eventfd()
    expect(a.readEvent(fd)).toBeUndefined()
    a.writeEvent(fd)
    a.writeEvent(fd, 41n)
    expect(a.readEvent(fd)).toBe(42n)
    expect(a.readEvent(fd)).toBeUndefined()
  })

  it('is one counter in every process that has it, by fork or by message', async () => {
    const { a } = processes()
    const fd = a.eventfd()
    const child = await a.fork('child')
    child.writeEvent(fd)
    expect(a.readEvent(fd)).toBe(1n)
    expect(a.send(fd, child)).not.toBe(fd)
  })

  it('takes 2^64-2 and no more', () => {
    const { a } = processes()
    const fd = a.eventfd()
    a.writeEvent(fd, 2n ** 64n - 2n)
    expect(outcome(() => a.writeEvent(fd))).toBe('EAGAIN')
    expect(outcome(() => a.writeEvent(fd, 2n ** 64n - 1n))).toBe('EINVAL')
    expect(a.readEvent(fd)).toBe(2n ** 64n - 2n)
  })

  it('is told apart from other files and from none', () => {
    const { a, core } = processes()
    const container = a.open('/dev/vfio/vfio') as number
    expect(outcome(() => a.writeEvent(container))).toBe('EINVAL')
    expect(outcome(() => a.readEvent(999))).toBe('EBADF')
    const fd = a.eventfd()
    expect(outcome(() => now(core.ioctl(fd, 0x3b64)))).toBe('ENOTTY')
  })

  it('tells who waits of each signal, and of the last close', () => {
    const { a, core } = processes()
    const fd = a.eventfd()
    const heard: string[] = []
    const wait = (name: string) =>
      eventfdOf(core.process, fd).wait({
        signalled: () => heard.push(name),
        hungUp: () => heard.push(`${name} up`),
      })
    wait('first')
    wait('second')()
    a.writeEvent(fd)
    a.close(fd)
    expect(heard).toEqual(['first', 'first up'])
  })
})
