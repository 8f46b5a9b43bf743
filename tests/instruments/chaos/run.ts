/**
 * One chaos run: starts the system, loads and breaks it for some minutes, waits until it is at
 * rest, and judges it.
 */
import { Console, Effect, Schedule, type Scope } from "effect"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { audit, undecided } from "#tests/support/books.ts"
import { type Evidence, noEvidence } from "./evidence.ts"
import { failpointCards } from "./failpoint-faults.ts"
import { now, serverCards, type Stage } from "./faults.ts"
import { linkCards } from "./link-faults.ts"
import { startLoad } from "./load.ts"
import type { Replica } from "./replica.ts"
import { complaints, progressLine, table } from "./report.ts"
import { playRounds } from "./rounds.ts"
import { type ChaosSystem, deadlineMs, openings, startChaosSystem } from "./system.ts"
import { judge, limits } from "./verdict.ts"

export interface RunOptions {
  readonly minutes: number
  readonly seed: string
  /** Shows the progress, in place of the line before. */
  readonly show: (line: string) => Effect.Effect<void>
}

/** The longest overtime, as a part of the run's minutes. */
const overtime = 0.5

/**
 * Runs chaos and prints the table. Fails with a message if something did not hold or the run was
 * not a test.
 */
export const runChaos = Effect.fnUntraced(function* ({ minutes, seed, show }: RunOptions) {
  const evidence = noEvidence()
  const folder = yield* evidenceFolder
  yield* Console.log(`Chaos for ${minutes} minutes, --seed ${seed}. Starting 9 processes ...`)
  const system = yield* startChaosSystem({
    folder: folder.path,
    endedByItself: (replica, how) => evidence.wrong.push(`${replica} ended by itself: ${how}`),
  })
  const run = yield* Effect.raceFirst(
    breakAndSettle({ minutes, seed, show }, system, evidence),
    system.postgres.lost,
  )
  const verdict = judge(run)
  yield* Console.log(`\n${table(run, verdict)}\n`)
  const wrong = [
    ...(verdict.violated.length > 0 ? [complaints("VIOLATED", verdict.violated)] : []),
    ...(verdict.noTest.length > 0 ? [complaints("not a test", verdict.noTest)] : []),
  ]
  if (wrong.length === 0) {
    return yield* Console.log(
      minutes < limits.fullRunMinutes
        ? `All holds, but the run was too short to show every fault: give it ${limits.fullRunMinutes} minutes.`
        : "All holds.",
    )
  }
  folder.keep()
  return yield* Effect.fail({
    message: `${wrong.join("\n")}\nThe seed was ${seed}. Logs and databases are in ${folder.path}`,
  })
})

const breakAndSettle = Effect.fnUntraced(function* (
  { minutes, seed, show }: RunOptions,
  system: ChaosSystem,
  evidence: Evidence,
) {
  const load = yield* startLoad(system, evidence)
  const stage: Stage = { system, load, evidence }
  const servers = serverCards(stage)
  const links = linkCards(stage)
  const killers = failpointCards(stage)
  const startedAtMs = yield* now
  const mendedAtMs = yield* playRounds({
    stage,
    needed: [
      ...Array.from({ length: limits.timesOfEachKind }, () => servers).flat(),
      ...links,
      ...killers,
    ],
    seed,
    forMs: minutes * 60_000,
    overtimeMs: minutes < limits.fullRunMinutes ? 0 : overtime * minutes * 60_000,
    tell: (faults) =>
      Effect.flatMap(now, (atMs) => show(progressLine(atMs - startedAtMs, evidence, faults))),
  })
  yield* load.stop
  const queue = yield* settle(system, load.settled)
  return {
    minutes,
    evidence,
    books: yield* Effect.promise(() => audit(system.postgres.url, openings)),
    kinds: [...new Set([...servers, ...links, ...killers].map(({ kind }) => kind))],
    deadlineMs,
    mendedAtMs,
    queue,
    defects: system.replicas.flatMap(defectsOf),
  }
})

/**
 * Waits until customers, orders and queue are at rest, or until the limit. Returns what the queue
 * has then.
 */
const settle = Effect.fnUntraced(
  function* ({ postgres, redis }: ChaosSystem, customersServed: Effect.Effect<void>) {
    const atRest = Effect.gen(function* () {
      const orders = yield* Effect.promise(() => undecided(postgres.url))
      const { entries, pending } = yield* redis.look
      return orders + entries + pending === 0
    })
    yield* customersServed.pipe(
      Effect.andThen(Effect.repeat(atRest, {
        until: (rests) => rests,
        schedule: Schedule.spaced("250 millis"),
      })),
      Effect.timeoutOption(limits.finalWithinMs),
    )
    return yield* redis.look
  },
)

/**
 * Log lines of defects, and findings of the system's own audit. Orders may be stuck during faults;
 * every other finding is wrong.
 */
const defectsOf = ({ name, log }: Replica): ReadonlyArray<string> =>
  log().split("\n")
    .filter((line) =>
      /met a defect|is a dead letter|Error: /.test(line) ||
      /The audit found/.test(line) && !/"kind":\s*"stuck"/.test(line)
    )
    .map((line) => `${name}: ${line.slice(0, 400)}`)

interface EvidenceFolder {
  readonly path: string
  /** Keeps the folder after the run. */
  readonly keep: () => void
}

const evidenceFolder: Effect.Effect<EvidenceFolder, never, Scope.Scope> = Effect.gen(function* () {
  let kept = false
  const path = yield* Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(tmpdir(), "unwind-chaos-"))),
    (path) =>
      Effect.sync(() => {
        if (!kept) rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
      }),
  )
  return { path, keep: () => kept = true }
})
