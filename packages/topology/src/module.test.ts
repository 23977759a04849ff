import 'reflect-metadata'
import {
  sysfsSnapshotReader,
  TopologyBuilder,
  type TopologyReader,
  TopologyReaders,
  yamlReader,
} from '@vfiokit/topology'
import { TOPOLOGY_READER, TOPOLOGY_READERS, topologyModule } from '@vfiokit/topology/module'
import { Container } from 'inversify'
import { expect, test } from 'vitest'

const own: TopologyReader = {
  format: 'one-line',
  recognises: (text) => text.startsWith('pci '),
  read: () => new TopologyBuilder().finish(),
}

function container(): Container {
  const made = new Container()
  made.load(topologyModule)
  return made
}

test('every token resolves, the registry once', () => {
  const made = container()
  expect(made.getAll(TOPOLOGY_READER)).toContain(yamlReader)
  expect(made.get(TOPOLOGY_READERS)).toBeInstanceOf(TopologyReaders)
  expect(made.get(TOPOLOGY_READERS)).toBe(made.get(TOPOLOGY_READERS))
})

test("a plugin's reader is asked like the others", () => {
  const made = container()
  made.bind(TOPOLOGY_READER).toConstantValue(own)
  const readers = made.get(TOPOLOGY_READERS)
  expect(readers.byFormat('one-line')).toBe(own)
  expect(readers.recognise('pci 00:02.0')).toBe(own)
  expect(readers.recognise('vfiokit: topology/1\n')).toBe(yamlReader)
  expect(readers.recognise('{"devices": {}}')).toBe(sysfsSnapshotReader)
  expect(readers.recognise('hello')).toBeUndefined()
})

test('two readers of one format are refused', () => {
  expect(() => new TopologyReaders([own, own])).toThrow("two topology readers have the format 'one-line'")
})
