/** The readers of this package, in the order in which a text is tried. */
import { hwlocXmlReader } from './hwloc-xml.ts'
import { jsonReader } from './json.ts'
import { lspciDumpReader } from './lspci-dump.ts'
import { lspciListReader } from './lspci-list.ts'
import { lspciMachineReader } from './lspci-machine.ts'
import { lspciRecordsReader } from './lspci-records.ts'
import { sysfsSnapshotReader } from './sysfs-snapshot.ts'
import type { TopologyReader } from './topology-reader.ts'
import { yamlReader } from './yaml.ts'

export const BUILTIN_READERS: readonly TopologyReader[] = Object.freeze([
  sysfsSnapshotReader,
  jsonReader,
  yamlReader,
  hwlocXmlReader,
  lspciDumpReader,
  lspciMachineReader,
  lspciRecordsReader,
  lspciListReader,
])
