/** What separates functions from each other: ACS (extended 0d) and ARI (extended 0e). */
import { type CapabilityLayout, type Field, register } from '../capability-layout.ts'

const ACS_BITS = [
  'sourceValidation',
  'translationBlocking',
  'requestRedirect',
  'completionRedirect',
  'upstreamForwarding',
  'egressControl',
  'directTranslated',
] as const

function acsFlags(offset: number, suffix: string): readonly Field[] {
  return ACS_BITS.map((name, bit) => register(offset, 2).flag(`${name}${suffix}`, bit))
}

export const ACCESS_CONTROL_SERVICES: CapabilityLayout = {
  id: 0x0d,
  extended: true,
  sizeBytes: 8,
  fields: [...acsFlags(4, ''), register(4, 2).number('egressVectorBits', 8, 8), ...acsFlags(6, 'Enabled')],
}

export const ALTERNATIVE_ROUTING_ID: CapabilityLayout = {
  id: 0x0e,
  extended: true,
  sizeBytes: 8,
  fields: [
    register(4, 2).flag('functionGroups', 0),
    register(4, 2).flag('acsFunctionGroups', 1),
    register(4, 2).number('nextFunction', 8, 8),
    register(6, 2).flag('functionGroupsEnabled', 0),
    register(6, 2).flag('acsFunctionGroupsEnabled', 1),
    register(6, 2).number('functionGroup', 4, 3),
  ],
}
