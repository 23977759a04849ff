/** Offsets in the configuration header that more than one file reads (PCI Local Bus 3.0, section 6.1). */

export const STATUS = 0x06
/** Bit of {@link STATUS}. */
export const STATUS_CAPABILITY_LIST = 0x10
/** Three bytes: programming interface, subclass, class. */
export const CLASS_CODE = 0x09
/** The low seven bits; bit 7 says that the device has more than one function. */
export const HEADER_TYPE = 0x0e
/** Of bridges, CardBus too: primary, secondary and subordinate, a byte each. */
export const BUS_NUMBERS = 0x18
