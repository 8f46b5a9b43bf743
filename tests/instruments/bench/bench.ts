/** The whole bench: one scenario after another on the same servers, then the table. */
import { Console, Effect } from "effect"
import { mkdtempSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { BenchArguments } from "./arguments.ts"
import { openHall } from "./hall.ts"
import { describeMachine } from "./machine.ts"
import { profileText } from "./profile/profile-text.ts"
import { recorderTo } from "./profile/recorder.ts"
import { processProgress } from "./progress.ts"
import { asJson, report } from "./report.ts"
import { orFailed, RunFailed } from "./run.ts"
import { scenarios } from "./scenarios/scenarios.ts"
import { peersAreInstalled } from "./stand/peers.ts"

/** Runs the chosen scenarios and prints the result. Fails with a message for a person. */
export const runBench = Effect.fnUntraced(function* (given: BenchArguments) {
  if (given.peers && !peersAreInstalled()) return yield* notInstalled
  const progress = processProgress()
  yield* Effect.addFinalizer(() => Effect.sync(progress.clear))
  const folder = given.profile ? mkdtempSync(join(tmpdir(), "unwind-profile-")) : undefined
  const recorder = folder === undefined ? undefined : recorderTo(folder)
  const hall = yield* openHall({ given, scenarios, recorder, show: progress.show })
  const { ground: { servers, databases }, runtime } = hall
  const machine = yield* orFailed(() => describeMachine(hall.ground.folder, runtime, databases))
  const all = yield* Effect.raceFirst(
    Effect.forEach(given.only, hall.rowsOf),
    servers.ended,
  )
  const rows = all.flat()
  progress.clear()
  yield* Console.log(given.json ? asJson(machine, rows) : report(machine, rows))
  if (recorder === undefined) return
  for (const { name, runs } of rows) {
    const { profiles, orders } = runs.at(-1)!
    if (profiles) yield* Console.log(`\nProfile of ${name}\n\n${profileText(profiles, orders)}`)
  }
  yield* Console.log(`\nThe last profile of each process, for a browser's DevTools: ${folder}`)
})

const notInstalled = new RunFailed({
  message: "The peers are not installed: run npm ci --prefix tests/instruments/bench/peers",
})
