/** The main task of the command: simulates seeds until one shows a violation, and reports. */
import { whyNoTest } from "./coverage.ts"
import { judge, type Simulate } from "./judge.ts"
import type { PointFault } from "./plan.ts"
import { planText } from "./plan-text.ts"
import { progressLine, replayCommand, summary, traceCommand, violationText } from "./report.ts"
import { type Finding, simulateSeeds } from "./runner.ts"
import type { Screen } from "./screen.ts"
import { planOf } from "./seeds.ts"
import { shrink, type Shrunk } from "./shrink.ts"
import { emptyTally } from "./tally.ts"

export interface Search {
  readonly first: number
  readonly seeds: number
  readonly workers: number
  /** The module that exports `simulate`. */
  readonly simulator: URL
  readonly screen: Screen
  /** How long a plan is shrunk at most. */
  readonly shrinkMs: number
}

/** Returns the exit code: 0, 1 at a violation, or 3 if the run was not a test. */
export const find = async (search: Search): Promise<number> => {
  const { seeds, simulator, screen } = search
  const startedMs = Date.now()
  let tally = emptyTally()
  const tookMs = () => Date.now() - startedMs
  screen.soFar(() => summary(tally, tookMs(), 0))
  const { finding } = await simulateSeeds({
    ...search,
    onProgress: (soFar) => {
      tally = soFar
      screen.progress(() => progressLine(tally, seeds, tookMs()))
    },
  })
  const figures = summary(tally, tookMs(), finding === undefined ? 0 : 1)
  screen.print(figures)
  if (finding !== undefined) {
    screen.soFar(() => unshrunk(finding))
    const { simulate }: { readonly simulate: Simulate } = await import(simulator.href)
    screen.print(await explain(finding, simulate, search))
    return 1
  }
  const reasons = whyNoTest(tally)
  if (reasons.length === 0) return 0
  screen.print(["This was not a test:", ...reasons.map((reason) => `  ${reason}`)].join("\n"))
  return 3
}

const unshrunk = ({ seed, violations }: Finding): string =>
  `\n${violationText(violations)}\nSeed ${seed} shows it. Replay it: ${traceCommand(seed)}`

const explain = async (
  finding: Finding,
  simulate: Simulate,
  { screen, shrinkMs }: Search,
): Promise<string> => {
  const { seed } = finding
  const startedMs = Date.now()
  const shrunk = await shrink(finding, {
    simulate,
    withinMs: shrinkMs,
    onTry: (tried, smaller) =>
      screen.progress(() =>
        `Shrinking the plan of seed ${seed}: ${tried} tried, ${smaller} times smaller, ` +
        `${Math.round((Date.now() - startedMs) / 1000)} of at most ${shrinkMs / 1000} s`
      ),
  })
  if (shrunk === undefined) {
    return `${
      unshrunk(finding)
    }\nA second time it did not: the history depends on more than the seed.`
  }
  return await explainShrunk(seed, shrunk, simulate)
}

const explainShrunk = async (
  seed: number,
  { path, tried, interrupted }: Shrunk,
  simulate: Simulate,
): Promise<string> => {
  const plan = planOf(seed, path)
  const happened = new Set<string>()
  const { violations } = await judge(simulate, plan, (line) => {
    const place = / FAULT .* \((.+)\)$/.exec(line)?.[1]
    if (place !== undefined) happened.add(place)
  })
  const cameToPass = ({ point, nth }: PointFault) => happened.has(`${point} #${nth}`)
  return [
    "",
    violationText(violations),
    `Seed ${seed} shows it; shrunk by trying ${tried} plans` +
    `${interrupted ? ", until the time was up" : ""}:`,
    "",
    planText(plan, cameToPass),
    "",
    `Replay it: ${replayCommand(seed, path)}`,
  ].join("\n")
}
