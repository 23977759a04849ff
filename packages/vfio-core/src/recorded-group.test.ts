/**
 * The answers that Linux gave to one program about groups and containers, recorded on an emulated
 * machine: the same on 5.10, 6.1, 6.12 and 7.2 but for one line.
 */
import {
  CONTAINER_IOCTL,
  type EngineCalls,
  FILE_DESCRIPTOR,
  GROUP_IOCTL,
  GROUP_STATUS,
  KERNEL_VERSIONS,
  type KernelVersion,
  VfioError,
} from '@vfiokit/vfio-core'
import { expect, test } from 'vitest'
import { machine, now } from './fixtures/machine.ts'

type Step = readonly [call: string, argument: string, answer: string]

const UUID = '2ab74924-c335-45f4-9b16-8569e5b08258'

/** `ok`, the errno, or the flags of the group. */
function recorded(kernel: KernelVersion): readonly Step[] {
  const wrongFile = kernel === '5.10' || kernel === '6.1' ? 'EINVAL' : 'EBADFD'
  return [
    ['open', 'group', 'ok'],
    ['open-again', 'group', 'EBUSY'],
    ['status', '8', 'VIABLE'],
    ['status', '0', 'EINVAL'],
    ['status', '4', 'EINVAL'],
    ['getdev', 'd0', 'EINVAL'],
    ['open', 'container', 'ok'],
    ['api-version', '', 'ok'],
    ['set-iommu', '3', 'EINVAL'],
    ['set-container', '9999', 'EBADF'],
    ['set-container', '0', wrongFile],
    ['set-container', 'container', 'ok'],
    ['status', '8', 'VIABLE CONTAINER_SET'],
    ['set-container', 'container', 'EINVAL'],
    ['getdev', 'd0', 'EINVAL'],
    ['set-iommu', '1', 'ok'],
    ['set-iommu', '99', 'EINVAL'],
    ['set-iommu', '3', 'EINVAL'],
    ['getdev', '0000:ff:1f.7', 'ENODEV'],
    ['getdev', 'd0 ', 'ok'],
    ['getdev', 'd0 foo=bar', 'EINVAL'],
    ['getdev', 'd0 vf_token=123', 'EINVAL'],
    ['getdev', `d0 vf_token=${UUID}`, 'EINVAL'],
    ['getdev', 'foo', 'ENODEV'],
    ['getdev', 'd0', 'ok'],
    ['unset-container', '', 'EBUSY'],
    ['getdev', 'd0', 'ok'],
    ['close', 'last', 'ok'],
    ['unset-container', '', 'EBUSY'],
    ['status', '8', 'VIABLE CONTAINER_SET'],
    ['set-iommu', '3', 'EINVAL'],
    ['set-container', 'container', 'EINVAL'],
    ['close', 'group', 'ok'],
    ['close', 'container', 'ok'],
    // A device keeps its group open.
    ['open-again', 'group', 'EBUSY'],
  ]
}

/** Does the steps as the program did, and says what each was answered. */
class Program {
  readonly #fds = new Map<string, number>()

  constructor(readonly calls: EngineCalls) {}

  answer([call, argument]: Step): string {
    try {
      return this.#do(call, argument)
    } catch (error) {
      if (VfioError.is(error)) return error.errno
      throw error
    }
  }

  #do(call: string, argument: string): string {
    switch (call) {
      case 'open':
        this.#fds.set(argument, this.#open(argument))
        return 'ok'
      case 'open-again':
        this.#open(argument)
        return 'ok'
      case 'close':
        now(this.calls.close(this.#fd(argument)))
        return 'ok'
      case 'status':
        return this.#status(Number(argument))
      case 'getdev': {
        const name = new TextEncoder().encode(`${argument}\0`)
        this.#fds.set('last', now(this.calls.ioctl(this.#fd('group'), GROUP_IOCTL.GROUP_GET_DEVICE_FD, name)))
        return 'ok'
      }
      case 'api-version':
        return this.#ioctl('container', CONTAINER_IOCTL.GET_API_VERSION, 0)
      case 'set-iommu':
        return this.#ioctl('container', CONTAINER_IOCTL.SET_IOMMU, Number(argument))
      case 'set-container':
        return this.#ioctl('group', GROUP_IOCTL.GROUP_SET_CONTAINER, this.#fd(argument))
      case 'unset-container':
        return this.#ioctl('group', GROUP_IOCTL.GROUP_UNSET_CONTAINER, 0)
      default:
        throw new TypeError(call)
    }
  }

  #open(what: string): number {
    return now(this.calls.open(what === 'group' ? '/dev/vfio/1' : '/dev/vfio/vfio'))
  }

  #fd(name: string): number {
    return this.#fds.get(name) ?? Number(name)
  }

  #ioctl(file: string, request: number, value: number): string {
    expect(now(this.calls.ioctl(this.#fd(file), request, FILE_DESCRIPTOR.encode({ fd: value })))).toBe(0)
    return 'ok'
  }

  #status(argsz: number): string {
    const argument = GROUP_STATUS.encode({ argsz })
    now(this.calls.ioctl(this.#fd('group'), GROUP_IOCTL.GROUP_GET_STATUS, argument))
    const { flags } = GROUP_STATUS.decode(argument)
    return ['VIABLE', 'CONTAINER_SET'].filter((_, bit) => flags & (1 << bit)).join(' ')
  }
}

test.each(KERNEL_VERSIONS)('a program is answered about groups as by Linux %s', (kernel) => {
  const program = new Program(machine({ kernel }).core.process('p'))
  const steps = recorded(kernel)
  expect(steps.map((step) => `${step[0]} ${step[1]}: ${program.answer(step)}`)).toEqual(
    steps.map(([call, argument, answer]) => `${call} ${argument}: ${answer}`),
  )
})
