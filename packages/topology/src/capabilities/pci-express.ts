/** PCI Express (standard 10): kind of port, device, link, slot and root registers. */
import { type CapabilityLayout, register } from '../capability-layout.ts'
import { PCIE_PORT_TYPES } from '../pcie.ts'

const SPEEDS = [undefined, '2.5 GT/s', '5 GT/s', '8 GT/s', '16 GT/s', '32 GT/s', '64 GT/s']
const PAYLOADS = ['128', '256', '512', '1024', '2048', '4096'].map((bytes) => `${bytes} bytes`)

const flags = register(0x02, 2)
const deviceCapabilities = register(0x04, 4)
const deviceControl = register(0x08, 2)
const deviceStatus = register(0x0a, 2)
const linkCapabilities = register(0x0c, 4)
const linkControl = register(0x10, 2)
const linkStatus = register(0x12, 2)
const slotCapabilities = register(0x14, 4)
const slotControl = register(0x18, 2)
const slotStatus = register(0x1a, 2)
const rootControl = register(0x1c, 2)
const device2Capabilities = register(0x24, 4)
const device2Control = register(0x28, 2)
const link2Capabilities = register(0x2c, 4)
const link2Control = register(0x30, 2)

export const PCI_EXPRESS: CapabilityLayout = {
  id: 0x10,
  extended: false,
  sizeBytes: 0x3c,
  fields: [
    flags.number('version', 0, 4),
    flags.words('type', 4, 4, PCIE_PORT_TYPES),
    flags.flag('slotImplemented', 8),
    flags.number('interruptMessage', 9, 5),
    flags.flag('flitMode', 15),
    deviceCapabilities.words('maxPayloadSupported', 0, 3, PAYLOADS),
    deviceCapabilities.number('phantomFunctions', 3, 2),
    deviceCapabilities.flag('extendedTags', 5),
    deviceCapabilities.flag('roleBasedErrors', 15),
    deviceCapabilities.flag('functionLevelReset', 28),
    deviceControl.flag('correctableErrorReporting', 0),
    deviceControl.flag('nonFatalErrorReporting', 1),
    deviceControl.flag('fatalErrorReporting', 2),
    deviceControl.flag('unsupportedRequestReporting', 3),
    deviceControl.flag('relaxedOrdering', 4),
    deviceControl.words('maxPayload', 5, 3, PAYLOADS),
    deviceControl.flag('extendedTagsEnabled', 8),
    deviceControl.flag('noSnoop', 11),
    deviceControl.words('maxReadRequest', 12, 3, PAYLOADS),
    deviceStatus.flag('correctableErrorDetected', 0),
    deviceStatus.flag('nonFatalErrorDetected', 1),
    deviceStatus.flag('fatalErrorDetected', 2),
    deviceStatus.flag('unsupportedRequestDetected', 3),
    deviceStatus.flag('auxPowerDetected', 4),
    deviceStatus.flag('transactionsPending', 5),
    linkCapabilities.words('maxLinkSpeed', 0, 4, SPEEDS),
    linkCapabilities.number('maxLinkWidth', 4, 6),
    linkCapabilities.words('aspmSupported', 10, 2, ['none', 'L0s', 'L1', 'L0s L1']),
    linkCapabilities.flag('linkActiveReporting', 20),
    linkCapabilities.number('portNumber', 24, 8),
    linkControl.words('aspm', 0, 2, ['none', 'L0s', 'L1', 'L0s L1']),
    linkControl.flag('linkDisable', 4),
    linkControl.flag('commonClock', 6),
    linkStatus.words('linkSpeed', 0, 4, SPEEDS),
    linkStatus.number('linkWidth', 4, 6),
    linkStatus.flag('linkTraining', 11),
    linkStatus.flag('linkActive', 13),
    slotCapabilities.flag('attentionButton', 0),
    slotCapabilities.flag('powerController', 1),
    slotCapabilities.flag('attentionIndicator', 3),
    slotCapabilities.flag('powerIndicator', 4),
    slotCapabilities.flag('surpriseRemoval', 5),
    slotCapabilities.flag('hotplugCapable', 6),
    slotCapabilities.number('physicalSlot', 19, 13),
    slotControl.flag('powerOff', 10),
    slotStatus.flag('presenceDetected', 6),
    rootControl.flag('pmeInterrupt', 3),
    device2Capabilities.flag('ariForwarding', 5),
    device2Capabilities.flag('atomicRouting', 6),
    device2Capabilities.flag('latencyTolerance', 11),
    device2Capabilities.flag('tenBitTagCompleter', 16),
    device2Control.number('completionTimeout', 0, 4),
    device2Control.flag('ariForwardingEnabled', 5),
    device2Control.flag('latencyToleranceEnabled', 10),
    link2Capabilities.number('supportedSpeeds', 1, 7),
    link2Control.words('targetSpeed', 0, 4, SPEEDS),
  ],
}
