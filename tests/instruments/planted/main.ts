/**
 * `npm run test:planted`: plants bugs into copies of the sources, and checks that the simulation
 * finds each of them.
 */
import { Console, Effect } from "effect"
import { availableParallelism } from "node:os"
import { command } from "#shared/command/command.ts"
import { plantedSyntax } from "./arguments.ts"
import { type Absorbed, type Bug, misfits } from "./bug.ts"
import { absorbed, bugs } from "./bugs.ts"
import { hunt } from "./hunt.ts"
import { judged, line, markdown } from "./report.ts"
import { progress, tell } from "./screen.ts"
import { copiedSources, plantedTree, textOf } from "./tree.ts"

const seeds = 2_000
const workers = availableParallelism()

/** The unchanged sources: no seed may show a violation. */
const control = Effect.fnUntraced(function* (sources: string) {
  yield* tell(`Simulating the seeds 1 to ${seeds} on the unchanged sources ...`)
  const folder = yield* plantedTree(sources, [])
  const share = Math.ceil(seeds / workers)
  const ranges = Array.from({ length: workers }, (_, n) => ({
    first: 1 + n * share,
    seeds: Math.min(share, seeds - n * share),
  }))
  const hunted = yield* Effect.forEach(
    ranges,
    (range, n) => hunt(folder, range, progress(`share ${n + 1} of ${workers}`)),
    { concurrency: "unbounded" },
  )
  const [finding] = hunted.flatMap(({ finding }) => finding ?? [])
  if (finding !== undefined) {
    const { invariant, found } = finding.violations[0]!
    return yield* Effect.fail({
      message: `Without a bug, seed ${finding.seed} shows a violation of ${invariant}: ${found}`,
    })
  }
  const tookMs = Math.max(...hunted.map((one) => one.tookMs))
  yield* tell(`clean  the unchanged sources (${(tookMs / 1000).toFixed(1)} s)`)
}, Effect.scoped)

const plant = Effect.fnUntraced(function* <M extends Bug | Absorbed>(sources: string, mutation: M) {
  const folder = yield* plantedTree(sources, mutation.edits)
  const hunted = yield* hunt(folder, { first: 1, seeds }, progress(mutation.name)).pipe(
    Effect.mapError(({ message }) => ({ message: `${mutation.name}: ${message}` })),
  )
  const outcome = judged(mutation, hunted)
  yield* tell(line(outcome))
  return outcome
}, Effect.scoped)

const plantAll = Effect.fnUntraced(function* (
  given: { readonly only: string | undefined; readonly markdown: boolean },
) {
  const misfit = misfits([...bugs, ...absorbed], textOf)
  if (misfit.length > 0) return yield* Effect.fail({ message: misfit.join("\n") })
  const sources = yield* copiedSources
  yield* control(sources)
  const plantEach = <M extends Bug | Absorbed>(mutations: ReadonlyArray<M>) =>
    Effect.forEach(
      mutations.filter(({ name }) => given.only === undefined || given.only === name),
      (mutation) => plant(sources, mutation),
      { concurrency: workers },
    )
  const caught = yield* plantEach(bugs)
  const harmless = yield* plantEach(absorbed)
  if (given.markdown) yield* Console.log(markdown(caught, harmless))
  const wrong = [...caught, ...harmless].filter(({ asExpected }) => !asExpected)
  if (wrong.length > 0) {
    const names = wrong.map(({ mutation }) => mutation.name).join(", ")
    return yield* Effect.fail({ message: `These do not come out as listed: ${names}` })
  }
  yield* tell(
    `All as listed: ${caught.length} bugs caught, ${harmless.length} changes absorbed.`,
  )
}, Effect.scoped)

command(plantedSyntax, plantAll).main(process.argv.slice(2))
