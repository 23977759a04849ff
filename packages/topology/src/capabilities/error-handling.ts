/** Errors: AER (extended 01) and DPC (extended 1d). */
import { type CapabilityLayout, type Field, register } from '../capability-layout.ts'

/** Bit number and name; the same in the status, mask and severity registers. */
const UNCORRECTABLE: readonly (readonly [number, string])[] = [
  [4, 'dataLinkProtocol'],
  [5, 'surpriseDown'],
  [12, 'poisonedTlp'],
  [13, 'flowControl'],
  [14, 'completionTimeout'],
  [15, 'completerAbort'],
  [16, 'unexpectedCompletion'],
  [17, 'receiverOverflow'],
  [18, 'malformedTlp'],
  [19, 'ecrc'],
  [20, 'unsupportedRequest'],
  [21, 'acsViolation'],
  [22, 'uncorrectableInternal'],
  [23, 'multicastBlocked'],
  [24, 'atomicEgressBlocked'],
  [25, 'tlpPrefixBlocked'],
]

const CORRECTABLE: readonly (readonly [number, string])[] = [
  [0, 'receiver'],
  [6, 'badTlp'],
  [7, 'badDllp'],
  [8, 'replayRollover'],
  [12, 'replayTimeout'],
  [13, 'advisoryNonFatal'],
  [14, 'correctedInternal'],
  [15, 'headerLogOverflow'],
]

function errors(
  offset: number,
  bits: readonly (readonly [number, string])[],
  suffix: string,
): readonly Field[] {
  return bits.map(([bit, name]) => register(offset, 4).flag(`${name}${suffix}`, bit))
}

const capabilities = register(0x18, 4)
const rootCommand = register(0x2c, 4)
const rootStatus = register(0x30, 4)

/** The root registers mean something in root ports and event collectors only. */
export const ADVANCED_ERROR_REPORTING: CapabilityLayout = {
  id: 0x01,
  extended: true,
  sizeBytes: 0x38,
  fields: [
    ...errors(0x04, UNCORRECTABLE, 'Status'),
    ...errors(0x08, UNCORRECTABLE, 'Masked'),
    ...errors(0x0c, UNCORRECTABLE, 'Fatal'),
    ...errors(0x10, CORRECTABLE, 'Status'),
    ...errors(0x14, CORRECTABLE, 'Masked'),
    capabilities.number('firstErrorPointer', 0, 5),
    capabilities.flag('ecrcGeneration', 5),
    capabilities.flag('ecrcGenerationEnabled', 6),
    capabilities.flag('ecrcCheck', 7),
    capabilities.flag('ecrcCheckEnabled', 8),
    rootCommand.flag('correctableInterrupt', 0),
    rootCommand.flag('nonFatalInterrupt', 1),
    rootCommand.flag('fatalInterrupt', 2),
    rootStatus.flag('correctableReceived', 0),
    rootStatus.flag('uncorrectableReceived', 2),
    rootStatus.flag('firstIsFatal', 4),
    rootStatus.number('interruptMessage', 27, 5),
  ],
}

const dpc = register(0x04, 2)
const dpcControl = register(0x06, 2)
const dpcStatus = register(0x08, 2)

export const DOWNSTREAM_PORT_CONTAINMENT: CapabilityLayout = {
  id: 0x1d,
  extended: true,
  sizeBytes: 12,
  fields: [
    dpc.number('interruptMessage', 0, 5),
    dpc.flag('rootPortExtensions', 5),
    dpc.flag('poisonedTlpEgressBlocking', 6),
    dpc.flag('softwareTrigger', 7),
    dpc.number('rootPortLogSize', 8, 4),
    dpc.flag('linkActiveReporting', 12),
    dpcControl.words('triggerEnable', 0, 2, ['off', 'fatal', 'non-fatal and fatal']),
    dpcControl.flag('completeWithAbort', 2),
    dpcControl.flag('interruptEnable', 3),
    dpcControl.flag('correctableErrorEnable', 4),
    dpcStatus.flag('triggered', 0),
    dpcStatus.words('triggerReason', 1, 2, [
      'unmasked uncorrectable error',
      'non-fatal message',
      'fatal message',
      'see extension',
    ]),
    dpcStatus.flag('interruptStatus', 3),
    dpcStatus.flag('rootPortBusy', 4),
    dpcStatus.number('firstErrorPointer', 8, 5),
    register(0x0a, 2).number('errorSource'),
  ],
}
