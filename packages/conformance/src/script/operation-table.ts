/** Every operation of the script language: which words it takes, and which options. */

/** What a word must look like. */
export type WordKind =
  | 'bdf'
  | 'name'
  | 'text'
  | 'number'
  | 'place'
  | 'hex'
  | 'protection'
  | 'sharing'
  | 'via'
  | 'flags'

interface Word {
  readonly pattern: RegExp
  /** For diagnostics. */
  readonly expected: string
}

const NUMBER = '(?:0x[0-9a-fA-F]+|-?[0-9]+)'

/** Kinds of words. */
export const WORDS: Readonly<Record<WordKind, Word>> = {
  bdf: {
    pattern: /^[0-9a-f]{4}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/i,
    expected: 'a PCI address dddd:bb:dd.f',
  },
  name: { pattern: /^[^=\s]+$/, expected: 'a name' },
  text: { pattern: /^\S+$/, expected: 'a word' },
  number: { pattern: new RegExp(`^${NUMBER}$`), expected: 'a number' },
  place: {
    pattern: new RegExp(`^(?:${NUMBER}|end(?:[+-]${NUMBER})?|@[A-Za-z]+[0-9a-fA-F]*(?:[+-]${NUMBER})?)$`),
    expected: 'a number, end, end-N, or @CAP+N',
  },
  hex: { pattern: /^(?:[0-9a-fA-F]{2})+$/, expected: 'whole bytes in hexadecimal' },
  protection: { pattern: /^(?:none|r?w?x?)$/, expected: 'none, or letters of rwx' },
  sharing: { pattern: /^(?:shared|private)$/, expected: 'shared or private' },
  via: { pattern: /^via$/, expected: 'via' },
  flags: {
    pattern: new RegExp(`^(?:${NUMBER}|(?:NONE|BOOL|EVENTFD|MASK|UNMASK|TRIGGER)(?:\\|[A-Z]+)*)$`),
    expected: 'a number, or names of NONE BOOL EVENTFD MASK UNMASK TRIGGER joined by |',
  },
}

/** What one operation takes. */
export interface OperationShape {
  /** The words that must be there. */
  readonly words: readonly WordKind[]
  /** Words that may follow. */
  readonly more?: readonly WordKind[]
  /** Any number of such words may follow. */
  readonly rest?: WordKind
  /** Names of `name=value` words. */
  readonly options?: readonly string[]
}

/** Operations by name. */
export const OPERATIONS: Readonly<Record<string, OperationShape>> = {
  open: { words: ['bdf'], options: ['as', 'token'] },
  getdev: { words: ['bdf', 'text'], options: ['as'] },
  close: { words: ['name'] },
  'group-open': { words: ['bdf'] },
  'group-open-again': { words: ['bdf'] },
  'group-close': { words: ['bdf'] },
  'group-status': { words: ['bdf'], options: ['argsz'] },
  'group-set-container': { words: ['bdf'], options: ['fd'] },
  'group-unset-container': { words: ['bdf'] },
  'container-open': { words: [] },
  'container-close': { words: [] },
  'set-iommu': { words: ['number'] },
  'api-version': { words: [] },
  'check-ext': { words: ['number'] },
  'iommu-info': { words: [], options: ['argsz'] },
  'device-info': { words: ['name'], options: ['argsz'] },
  'region-info': { words: ['name', 'number'], options: ['argsz'] },
  'irq-info': { words: ['name', 'number'], options: ['argsz'] },
  read: { words: ['name', 'number', 'place', 'place'] },
  'pread-raw': { words: ['name', 'number', 'number'] },
  write: { words: ['name', 'number', 'place', 'hex'] },
  mmap: { words: ['name', 'number', 'place', 'place', 'protection', 'sharing', 'name'] },
  munmap: { words: ['name'] },
  mprotect: { words: ['name', 'protection'] },
  load: { words: ['name', 'number', 'number'] },
  store: { words: ['name', 'number', 'number', 'number'] },
  reset: { words: ['name'] },
  'hot-reset-info': { words: ['name'], options: ['argsz', 'flags'] },
  'hot-reset': { words: ['name', 'via'], rest: 'name', options: ['count', 'argsz', 'flags'] },
  'set-irqs': {
    words: ['name', 'number', 'number', 'number', 'flags'],
    rest: 'name',
    options: ['argsz'],
  },
  evt: { words: ['name', 'number', 'number'], options: ['kind', 'ms'] },
  'evt-write': { words: ['name', 'number', 'number'], options: ['kind'] },
  ioeventfd: {
    words: ['name', 'number', 'place', 'number', 'number'],
    options: ['fd', 'flags', 'argsz'],
  },
  feature: { words: ['name', 'number'], more: ['hex'], options: ['argsz'] },
  'ioctl-raw': { words: ['name', 'number'] },
  'dma-map': { words: ['number', 'number', 'protection'], options: ['vaddr', 'flags', 'argsz'] },
  'dma-map-region': { words: ['number', 'name'], more: ['protection'] },
  'dma-unmap': { words: ['number', 'number'], options: ['flags', 'argsz'] },
  'dma-poke': { words: ['number', 'hex'] },
  'dma-peek': { words: ['number', 'number'] },
  sysfs: { words: ['bdf', 'text'] },
  'sysfs-write': { words: ['bdf', 'text'], rest: 'text' },
  'host-cfg': { words: ['bdf', 'place', 'place'] },
  'host-cfg-write': { words: ['bdf', 'place', 'hex'] },
  sleep: { words: ['number'] },
}

/** The shape of an operation; undefined: there is none of that name. */
export function shapeOf(op: string): OperationShape | undefined {
  return Object.hasOwn(OPERATIONS, op) ? OPERATIONS[op] : undefined
}
