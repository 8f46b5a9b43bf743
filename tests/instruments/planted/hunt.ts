/**
 * Hunts for a violation in a copy of the sources: runs the copy's simulation in a separate process.
 */
import { Cause, Effect, Queue, type Scope } from "effect"
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import type { Violation } from "../simulation/world.ts"

/** The runner's report on a seed. */
export interface Report {
  readonly seed: number
  readonly violations: ReadonlyArray<Violation>
}

/** A range of seeds. */
export interface Seeds {
  readonly first: number
  readonly seeds: number
}

export interface Hunted {
  /** The report on the first seed with a violation, if any. */
  readonly finding: Report | undefined
  readonly tookMs: number
}

/** A seed takes a fraction of a second. One that takes this long never ends. */
const patience = "2 minutes"

/**
 * Simulates the seeds one after another in the folder, until one shows a violation. `onSeed` gets
 * each seed when it begins, and undefined at the end. Fails if the simulation does not run.
 */
export const hunt = (
  folder: string,
  { first, seeds }: Seeds,
  onSeed: (seed: number | undefined) => void,
): Effect.Effect<Hunted, { readonly message: string }> =>
  Effect.gen(function* () {
    const startedMs = performance.now()
    const reports = yield* runner(folder, [`${first}`, `${seeds}`])
    const hunted = (finding: Report | undefined): Hunted => ({
      finding,
      tookMs: performance.now() - startedMs,
    })
    for (let seed = first; seed < first + seeds; seed++) {
      onSeed(seed)
      const report = yield* Effect.timeoutOrElse(Queue.take(reports), {
        duration: patience,
        orElse: () =>
          Effect.succeed({ seed, violations: [{ invariant: "I12", found: "it never ended" }] }),
      })
      if (report.violations.length > 0) return hunted(report)
    }
    return hunted(undefined)
  }).pipe(
    Effect.ensuring(Effect.sync(() => onSeed(undefined))),
    Effect.scoped,
  )

const runtime = process.versions["deno"] === undefined ? [] : ["run", "-A"]

type Reports = Queue.Dequeue<Report, { readonly message: string }>

/** Starts the runner's process, and returns its reports. The scope kills the process. */
const runner = (
  folder: string,
  words: ReadonlyArray<string>,
): Effect.Effect<Reports, never, Scope.Scope> =>
  Effect.gen(function* () {
    const reports = yield* Queue.unbounded<Report, { readonly message: string }>()
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn(process.execPath, [
          ...runtime,
          "tests/instruments/planted/runner.ts",
          ...words,
        ], {
          cwd: folder,
          stdio: "pipe",
        })
        let complaint = ""
        child.stderr.setEncoding("utf8").on("data", (text) => complaint += text)
        createInterface(child.stdout).on("line", (line) => {
          Queue.offerUnsafe(reports, JSON.parse(line))
        })
        child.on("error", (error) => complaint += error.message)
        const ended = new Promise<void>((resolve) =>
          child.on("close", (code) => {
            const message = `The simulation ended with ${code}: ${complaint.trim()}`
            Queue.failCauseUnsafe(reports, Cause.fail({ message }))
            resolve()
          })
        )
        return { child, ended }
      }),
      ({ child, ended }) =>
        Effect.promise(() => {
          child.kill("SIGKILL")
          return ended
        }),
    )
    return reports
  })
