/**
 * Loaded into a process before its program: the first SIGUSR2 starts counting calls, and the next
 * one writes the counts to COVERAGE_FILE.
 */
import { renameSync, writeFileSync } from "node:fs"
import { Session } from "node:inspector/promises"

const file = process.env["COVERAGE_FILE"]!
const session = new Session()
session.connect()
let counts = false

const toggle = async () => {
  if (!counts) {
    counts = true
    await session.post("Profiler.enable")
    await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false })
    // Earlier calls are reported once, now.
    await session.post("Profiler.takePreciseCoverage")
    writeFileSync(`${file}.on`, "")
    return
  }
  const { result } = await session.post("Profiler.takePreciseCoverage")
  writeFileSync(`${file}.part`, JSON.stringify(result))
  renameSync(`${file}.part`, file)
}

process.on("SIGUSR2", () => void toggle())
