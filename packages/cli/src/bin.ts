/**
 * Command line: run scenarios on simulated VFIO devices and print what happened.
 * @packageDocumentation
 */
export {}
