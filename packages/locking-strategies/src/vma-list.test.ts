import {
  effect,
  type FaultBody,
  get,
  handleFault,
  insert,
  type LockUse,
  ProtocolError,
  record,
  runLive,
  type Step,
  suppliedFaultBody,
} from '@vfiokit/locking'
import { BareMachine, type BareMapping } from '@vfiokit/locking/bare'
import { vmaList } from '@vfiokit/locking-strategies'
import { describe, expect, test } from 'vitest'

const listed = (mapping: BareMapping) => mapping.device.state.vmas.contains(mapping)

/** What happens to locks and pages, step by step. */
function steps(step: Step<unknown>): string[] {
  return record(step)
    .steps.filter(({ op }) => op.kind !== 'label')
    .map(({ op }) => `${op.kind} ${op.object}`)
}

/** A machine with a page of device 0 in every process. */
function mapped(processes: number) {
  const machine = new BareMachine(vmaList, { devices: 1, processes })
  const device = machine.devices[0]!
  const mappings = machine.bar[0]!
  for (const mapping of mappings) runLive(machine.touch(mapping, 0))
  return { machine, device, mappings }
}

describe('the zap of vma-list', () => {
  test('drops vma_lock for the mmap_lock of each process in turn, and changes memory with an empty list', () => {
    const { machine, device } = mapped(2)
    const process = (id: string) => [
      'acquire vma_lock:d0',
      'list-first vma_list:d0',
      'release vma_lock:d0',
      `acquire mmap_lock:${id} (read)`,
      'acquire vma_lock:d0',
      `list-first vma_list:d0 (${id})`,
      `zap-mapping d0/${id}/bar`,
      `list-remove vma_list:d0 d0/${id}/bar`,
      `list-first vma_list:d0 (${id})`,
      'release vma_lock:d0',
      `release mmap_lock:${id} (read)`,
    ]
    expect(steps(machine.setMemory(device, false))).toEqual([
      ...process('p0'),
      ...process('p1'),
      'acquire vma_lock:d0',
      'list-first vma_list:d0',
      'acquire memory_lock:d0 (write)',
      'release vma_lock:d0',
      'effect command write',
      'set memory:d0 := false',
      'release memory_lock:d0 (write)',
    ])
  })

  test('empties every mapping of a process under one mmap_lock', () => {
    const { machine, device } = mapped(1)
    const second = machine.map(device, machine.processes[0]!, 'second', 4)
    runLive(machine.touch(second, 0))
    const taken = steps(machine.resetFunction(device)).filter((step) => step.startsWith('acquire mmap_lock'))
    expect(taken).toEqual(['acquire mmap_lock:p0 (read)'])
    expect([device.presentBarPages, device.state.vmas.size]).toEqual([0, 0])
  })
})

describe('a fault of vma-list', () => {
  test('lists the mapping before it has a page', () => {
    const { machine, device } = mapped(1)
    runLive(machine.setMemory(device, false))
    runLive(machine.setMemory(device, true))
    const order = steps(machine.touch(machine.bar[0]![0]!, 0)).filter((step) => /list-add|insert/.test(step))
    expect(order).toEqual(['list-add vma_list:d0 d0/p0/bar', 'insert d0/p0/bar whole'])
  })

  const fault = (machine: BareMachine, mapping: BareMapping, body: FaultBody) =>
    handleFault(vmaList, machine.devices[0]!, mapping, body)
  const always = () => get(new BareMachine(vmaList).devices[0]!.cells.accessible)

  test('that comes second for a whole mapping inserts nothing', () => {
    const { machine, mappings } = mapped(1)
    const body = { whole: true, admit: always, act: () => insert(mappings[0]!, 'all') }
    const taken = steps(fault(machine, mappings[0]!, body))
    expect(taken).toContain('list-has vma_list:d0 d0/p0/bar')
    expect(taken.filter((step) => step.startsWith('insert'))).toEqual([])
  })

  test('of one page works also when another page of the mapping came before', () => {
    const machine = new BareMachine(vmaList, { devices: 1, processes: 1 })
    const mapping = machine.bar[0]![0]!
    for (const page of [0, 1]) {
      const body = suppliedFaultBody(machine.devices[0]!, mapping, [page], () =>
        effect('supply', [], () => 'frame'),
      )
      expect(runLive(fault(machine, mapping, body))).toBe('nopage')
      expect(mapping.has(page)).toBe(true)
    }
    runLive(machine.setMemory(machine.devices[0]!, false))
    expect(mapping.presentPages).toBe(0)
  })

  test('that fails half way leaves the mapping empty and unlisted, so that the next one starts afresh', () => {
    const machine = new BareMachine(vmaList, { devices: 1, processes: 1 })
    const mapping = machine.bar[0]![0]!
    const half: FaultBody = {
      whole: true,
      admit: always,
      *act() {
        yield* insert(mapping, 0)
        yield* effect('out of memory', [], () => {
          throw new Error('boom')
        })
      },
    }
    expect(() => runLive(fault(machine, mapping, half))).toThrow('boom')
    expect([mapping.presentPages, listed(mapping), machine.busy]).toEqual([0, false, []])
    expect([runLive(machine.touch(mapping, 1)), listed(mapping)]).toEqual(['nopage', true])
  })

  test.each<[string, (machine: BareMachine) => LockUse]>([
    ['vma_lock', ({ devices }) => ({ lock: devices[0]!.state.vmaLock, mode: 'write' })],
    ['memory_lock', ({ devices }) => ({ lock: devices[0]!.state.memoryLock, mode: 'read' })],
    ['mmap_lock', ({ processes }) => ({ lock: processes[0]!.mmapLock, mode: 'read' })],
  ])('takes %s: a user copy under it is refused (H3)', (_name, useOf) => {
    const machine = new BareMachine(vmaList, { devices: 1, processes: 1 })
    const { lock, mode } = useOf(machine)
    const { outcome } = record(
      (function* () {
        yield* lock.op('acquire', mode)
        try {
          yield* machine.touch(machine.bar[0]![0]!, 0)
        } finally {
          yield* lock.op('release', mode)
        }
      })(),
    )
    expect(outcome).toEqual({ error: expect.any(ProtocolError) })
    expect(outcome).toMatchObject({ error: { rule: 'user-copy-under-lock' } })
  })
})

describe('fork and munmap under vma-list', () => {
  test('fork empties the new mapping, which is listed only when it faults', () => {
    const { machine, device, mappings } = mapped(2)
    const child = runLive(machine.fork(mappings[0]!, machine.processes[1]!)) as BareMapping
    expect([child.presentPages, listed(child), mappings[0]!.presentPages]).toEqual([0, false, 2])
    expect(runLive(machine.touch(child, 1))).toBe('nopage')
    expect(listed(child)).toBe(true)
    runLive(machine.setMemory(device, false))
    expect([child, ...mappings].map((mapping) => mapping.presentPages)).toEqual([0, 0, 0])
  })

  test('munmap takes the mapping off the list, listed or not', () => {
    const { machine, device, mappings } = mapped(1)
    const untouched = machine.map(device, machine.processes[0]!, 'untouched', 4)
    runLive(machine.munmap(mappings[0]!))
    runLive(machine.munmap(untouched))
    expect([device.state.vmas.size, [...device.mappings], machine.busy]).toEqual([0, [], []])
    expect(runLive(machine.touch(mappings[0]!, 0))).toBe('sigsegv')
    expect(steps(machine.setMemory(device, false)).filter((step) => step.includes('mmap_lock'))).toEqual([])
  })
})
