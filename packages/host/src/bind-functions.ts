/** Binds the functions that a config names to vfio-pci. */
import type { VfioErrno } from '@vfiokit/locking'
import { Bdf } from '@vfiokit/topology'
import { VfioError } from '@vfiokit/vfio-core'
import { VFIO_PCI } from '@vfiokit/vfio-pci'
import { type Complain, type Complaint, ConfigError, notAnAddress } from './config-error.ts'
import type { PciOperator } from './pci-operator.ts'

/** What a binding that was refused should have been, by errno. */
const EXPECTED: Readonly<Partial<Record<VfioErrno, string>>> = {
  ENODEV: 'a function of the topology',
  EINVAL: 'an endpoint in an IOMMU group',
  EBUSY: 'a function that no driver has, named once',
}

/** @throws ConfigError naming every function that cannot be bound. */
export function bindFunctions(functions: readonly string[], operator: PciOperator, complain: Complain): void {
  const defects = functions.flatMap((name, at) => {
    const complaint = bind(name, operator)
    return complaint === undefined ? [] : [complain(['bind', at], complaint)]
  })
  if (defects.length > 0) throw new ConfigError(defects)
}

function bind(name: string, operator: PciOperator): Complaint | undefined {
  const bdf = Bdf.tryParse(name)
  if (bdf === undefined) return notAnAddress(name)
  try {
    operator.bind(bdf, VFIO_PCI)
    return undefined
  } catch (cause) {
    if (!VfioError.is(cause)) throw cause
    const expected = EXPECTED[cause.errno] ?? 'a function for vfio-pci'
    return { code: 'bind-refused', message: cause.message, expected, found: name }
  }
}
