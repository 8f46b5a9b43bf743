/**
 * Healing on an operator's request: audits everything, and gives back what no person has to decide
 * as it is found. A run that outlasts the answer's time goes on; a request meanwhile reports the
 * same run.
 */
import { Cause, Context, Effect, Latch, Layer, Scope } from "effect"
import {
  type AuditFinding,
  healAnswerMs,
  type HealResponse,
  maxFindings,
} from "#shared/contracts/audit.ts"
import { unreachedOf } from "./everything.ts"
import { findingView, LastAudit, unreachedView } from "./last-audit.ts"
import { Records } from "./records.ts"
import { nothingFound } from "./sums.ts"

interface Run {
  soFar: HealResponse
  readonly ended: Latch.Latch
}

export class Healing extends Context.Service<Healing, {
  /** A dry run only audits. Two concurrent runs, here or on other orchestrators, do no harm. */
  readonly heal: (how: { readonly dryRun: boolean }) => Effect.Effect<HealResponse>
}>()("unwind/orchestrator/Healing") {
  static readonly layer: Layer.Layer<Healing, never, LastAudit | Records> = Layer.effect(
    Healing,
    Effect.gen(function* () {
      const scope = yield* Scope.Scope
      const context = yield* Effect.context<LastAudit | Records>()
      const runs = new Map<boolean, Run>()
      const begin = Effect.fnUntraced(function* (dryRun: boolean) {
        const run: Run = { soFar: nothingYet, ended: Latch.makeUnsafe(false) }
        runs.set(dryRun, run)
        yield* carryOut(run, dryRun).pipe(
          Effect.catchDefect((defect) =>
            Effect.logError("The healing met a defect", Cause.die(defect))
          ),
          Effect.ensuring(Effect.sync(() => {
            runs.delete(dryRun)
            run.ended.openUnsafe()
          })),
          Effect.provideContext(context),
          Effect.forkIn(scope),
        )
        return run
      })
      return Healing.of({
        heal: Effect.fnUntraced(function* ({ dryRun }) {
          const run = runs.get(dryRun) ?? (yield* begin(dryRun))
          yield* Effect.timeoutOption(run.ended.await, healAnswerMs)
          return run.soFar
        }),
      })
    }),
  )
}

const nothingYet: HealResponse = {
  finished: false,
  found: nothingFound,
  healable: 0,
  healed: 0,
  findings: [],
  unreached: [],
}

const carryOut = Effect.fnUntraced(function* (run: Run, dryRun: boolean) {
  const { audit } = yield* LastAudit
  const away = yield* unreachedOf()
  const findings: Array<AuditFinding> = []
  let healable = 0
  run.soFar = { ...nothingYet, findings, unreached: away.map(unreachedView) }
  const { brokenOff } = yield* audit({
    away: away.map(({ service }) => service),
    heals: !dryRun,
    tell: (part, _, { found, healed }) =>
      Effect.sync(() => {
        const ofPart = part.findings.filter(({ heal }) => heal !== null)
        healable += ofPart.length
        findings.push(...ofPart.slice(0, maxFindings - findings.length).map(findingView))
        run.soFar = { ...run.soFar, found, healed, healable }
      }),
  })
  const { unreached } = run.soFar
  run.soFar = {
    ...run.soFar,
    finished: true,
    unreached: [...unreached, ...brokenOff.map((one) => unreachedView(one.unreached))],
  }
})
