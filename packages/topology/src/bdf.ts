/**
 * Bdf: the address of a PCI function, domain:bus:device.function.
 *
 * The domain has at least four hexadecimal digits and may have up to eight (Intel VMD invents domains from
 * 0x10000). Nothing is ever masked into range: text or numbers that do not fit are refused.
 */
declare const brand: unique symbol

/** Canonical lower case text `dddd:bb:dd.f`; made by {@link Bdf} only, so two equal addresses are equal strings. */
export type Bdf = string & { readonly [brand]: 'Bdf' }

export interface BdfParts {
  /** 0 to 0x7fffffff. */
  readonly domain: number
  /** 0 to 255. */
  readonly bus: number
  /** 0 to 31. With ARI a fiction (devfn >> 3), as in sysfs and lspci. */
  readonly device: number
  /** 0 to 7. */
  readonly function: number
}

/** The functions around the type of the same name. */
export interface BdfStatics {
  /** Reads `[dddd:]bb:dd.f`; without a domain it is domain 0. @throws RangeError naming the text. */
  parse(text: string): Bdf
  /** As {@link BdfStatics.parse}, but undefined for anything that is not an address. */
  tryParse(text: string): Bdf | undefined
  /** @throws RangeError naming the part that is out of range. */
  of(parts: BdfParts): Bdf
  parts(bdf: Bdf): BdfParts
  /** Numeric order: domain, bus, device, function. Text order differs when domains have different widths. */
  compare(a: Bdf, b: Bdf): number
  /** Routing ID (requester ID): bus << 8 | device << 3 | function; 16 bits, without the domain. */
  routingId(bdf: Bdf): number
  /** The function with that routing ID. @throws RangeError when it has more than 16 bits. */
  fromRoutingId(domain: number, routingId: number): Bdf
}

const DOMAIN_MAX = 0x7fffffff
const SHAPE = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}):([0-9a-f]{2})\.([0-7])$/i
const LIMITS: Readonly<Record<keyof BdfParts, number>> = {
  domain: DOMAIN_MAX,
  bus: 255,
  device: 31,
  function: 7,
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function format(parts: BdfParts): Bdf {
  return `${hex(parts.domain, 4)}:${hex(parts.bus, 2)}:${hex(parts.device, 2)}.${parts.function}` as Bdf
}

function partsOfText(text: string): BdfParts | undefined {
  const match = SHAPE.exec(text)
  if (match === null) return undefined
  const parts = {
    domain: Number.parseInt(match[1] ?? '0', 16),
    bus: Number.parseInt(match[2]!, 16),
    device: Number.parseInt(match[3]!, 16),
    function: Number(match[4]),
  }
  return parts.domain > DOMAIN_MAX || parts.device > 31 ? undefined : parts
}

function checked(parts: BdfParts): BdfParts {
  for (const name of ['domain', 'bus', 'device', 'function'] as const) {
    const value = parts[name]
    if (!Number.isInteger(value) || value < 0 || value > LIMITS[name]) {
      throw new RangeError(`PCI ${name} ${value} is not an integer from 0 to ${LIMITS[name]}`)
    }
  }
  return parts
}

/** @see `BdfStatics` */
export const Bdf: BdfStatics = {
  parse(text) {
    const bdf = Bdf.tryParse(text)
    if (bdf === undefined) {
      throw new RangeError(`'${text}' is not a PCI address: expected [domain:]bus:device.function`)
    }
    return bdf
  },
  tryParse(text) {
    const parts = partsOfText(text)
    return parts === undefined ? undefined : format(parts)
  },
  of(parts) {
    return format(checked(parts))
  },
  parts(bdf) {
    const parts = partsOfText(bdf)
    if (parts === undefined) throw new RangeError(`'${bdf}' is not a PCI address`)
    return parts
  },
  compare(a, b) {
    const left = Bdf.parts(a)
    const right = Bdf.parts(b)
    return left.domain - right.domain || Bdf.routingId(a) - Bdf.routingId(b)
  },
  routingId(bdf) {
    const parts = Bdf.parts(bdf)
    return (parts.bus << 8) | (parts.device << 3) | parts.function
  },
  fromRoutingId(domain, routingId) {
    if (!Number.isInteger(routingId) || routingId < 0 || routingId > 0xffff) {
      throw new RangeError(`routing ID ${routingId} is not an integer from 0 to 65535`)
    }
    const devfn = routingId & 0xff
    return Bdf.of({ domain, bus: routingId >> 8, device: devfn >> 3, function: devfn & 7 })
  },
}
