/**
 * Clocks that are wrong: a jump affects one process; a clock that is apart affects its machine, and
 * so a restarted process as well.
 */
import type { Kernel, Process } from "./kernel.ts"

const jumpMs = 3_600_000
const apartMs = [-130_000, -60_000, 60_000, 130_000] as const

export class MachineClocks {
  private readonly apart = new Map<string, number>()

  private readonly kernel: Kernel
  private readonly processOn: (name: string) => Process | undefined

  constructor(kernel: Kernel, processOn: MachineClocks["processOn"]) {
    this.kernel = kernel
    this.processOn = processOn
  }

  /** By how much the clock of a process that starts there is ahead. */
  skewMsOn(name: string): number {
    return this.apart.get(name) ?? 0
  }

  jump(process: Process, forMs: number): void {
    const { kernel } = this
    process.skewMs = (kernel.draw("clock jump", 2) === 0 ? -1 : 1) * jumpMs
    kernel.after(forMs, "", undefined, () => void (process.skewMs = this.skewMsOn(process.name)))
  }

  setApart(process: Process, forMs: number): void {
    const { kernel, apart } = this
    const { name } = process
    process.skewMs = apartMs[kernel.draw("clock apart", apartMs.length)]!
    apart.set(name, process.skewMs)
    kernel.after(forMs, "", undefined, () => {
      apart.delete(name)
      const running = this.processOn(name)
      if (running !== undefined) running.skewMs = 0
    })
  }
}
