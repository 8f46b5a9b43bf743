/**
 * Loaded into a service that is profiled, before its program: SIGUSR2 begins a CPU profile, the
 * next one ends it and writes it to BENCH_PROFILE. So a profile holds what was measured, and
 * neither start nor warm-up. A file beside it says that it has begun.
 */
import { renameSync, writeFileSync } from "node:fs"
import { Session } from "node:inspector/promises"

const file = process.env.BENCH_PROFILE ?? "bench.cpuprofile"
const everyMicros = 500

const session = new Session()
session.connect()
let running = false

const toggle = async () => {
  running = !running
  if (running) {
    await session.post("Profiler.enable")
    await session.post("Profiler.setSamplingInterval", { interval: everyMicros })
    await session.post("Profiler.start")
    writeFileSync(`${file}.on`, "")
    return
  }
  const { profile } = await session.post("Profiler.stop")
  // There at once and whole, for whoever waits for it.
  writeFileSync(`${file}.part`, JSON.stringify(profile))
  renameSync(`${file}.part`, file)
}

process.on("SIGUSR2", () => void toggle())
