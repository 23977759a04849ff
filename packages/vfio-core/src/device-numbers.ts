/** The numbers N of `/dev/vfio/devices/vfioN`: each device gets the lowest that is free. Kernel: `vfio.device_ida`. */
import type { VfioDevice } from './vfio-device.ts'

/** Devices by number. Giving out n numbers takes time in proportion to n, whatever was given back before. */
export class DeviceNumbers {
  readonly #devices: (VfioDevice | undefined)[] = []
  /** None below it is free. */
  #lowest = 0

  at(number: number): VfioDevice | undefined {
    return this.#devices[number]
  }

  /** @returns its number. */
  give(device: VfioDevice): number {
    while (this.#devices[this.#lowest] !== undefined) this.#lowest++
    this.#devices[this.#lowest] = device
    return this.#lowest
  }

  takeBack(number: number): void {
    this.#devices[number] = undefined
    this.#lowest = Math.min(this.#lowest, number)
  }
}
