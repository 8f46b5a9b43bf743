/** Records CPU profiles of all services over the counted window of a run. */
import { existsSync, readFileSync, rmSync } from "node:fs"
import { join } from "node:path"
import { setTimeout as wait } from "node:timers/promises"
import type { Metered } from "../meter/meter.ts"
import type { Instrument } from "../stand/services.ts"
import type { CpuProfile } from "./self-times.ts"

export interface Recorder {
  /** The folder of the files. */
  readonly folder: string
  /** Whether the process of this name is instrumented. */
  readonly isOf: (name: string) => boolean
  /** What to start the process of this name with. */
  readonly instrument: (name: string) => Instrument
  readonly start: (services: ReadonlyArray<Metered>) => Promise<void>
  /** Returns the profiles by the name of the process; the files stay in the folder. */
  readonly stop: (
    services: ReadonlyArray<Metered>,
  ) => Promise<ReadonlyMap<string, CpuProfile>>
}

const agent = join(import.meta.dirname, "agent.ts")
const withinMs = 60_000

export const recorderTo = (folder: string): Recorder => {
  const fileOf = (name: string) => join(folder, `${name}.cpuprofile`)
  const tell = (services: ReadonlyArray<Metered>) =>
    services.forEach(({ pid }) => process.kill(pid, "SIGUSR2"))
  const instrumented = new Set<string>()
  return {
    folder,
    isOf: (name) => instrumented.has(name),
    instrument: (name) => {
      instrumented.add(name)
      return { nodeFlags: ["--import", agent], environment: { BENCH_PROFILE: fileOf(name) } }
    },
    start: async (services) => {
      services.forEach(({ name }) => {
        rmSync(fileOf(name), { force: true })
        rmSync(`${fileOf(name)}.on`, { force: true })
      })
      tell(services)
      await untilThere(services.map(({ name }) => `${fileOf(name)}.on`))
    },
    stop: async (services) => {
      tell(services)
      await untilThere(services.map(({ name }) => fileOf(name)))
      return new Map(services.map(({ name }) => [
        name,
        JSON.parse(readFileSync(fileOf(name), "utf8")) as CpuProfile,
      ]))
    },
  }
}

const untilThere = async (files: ReadonlyArray<string>) => {
  const giveUpAtMs = Date.now() + withinMs
  while (!files.every((file) => existsSync(file))) {
    if (Date.now() > giveUpAtMs) {
      throw new Error(`Not all of these profiles were written: ${files.join(", ")}`)
    }
    await wait(50)
  }
}
