/**
 * Loaded into a profiled service before its program: SIGUSR2 begins a CPU profile, and the next one
 * ends it and writes it to BENCH_PROFILE. So a profile covers the measured time, without start and
 * warm-up. A file beside it shows that it has begun.
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
  // A rename makes the whole file appear at once.
  writeFileSync(`${file}.part`, JSON.stringify(profile))
  renameSync(`${file}.part`, file)
}

process.on("SIGUSR2", () => void toggle())
