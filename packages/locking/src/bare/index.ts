/**
 * A machine without hardware, to run locking strategies on, and controlled runs of it.
 * @packageDocumentation
 */
export {
  BareDevice,
  BareMachine,
  type BareMachineOptions,
  BareMapping,
  BareSpace,
  PAGES,
} from './bare-machine.ts'
export { allComeBack, type BareRun, bareRun } from './bare-run.ts'
