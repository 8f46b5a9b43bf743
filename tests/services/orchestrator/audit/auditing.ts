/** Audits of a running system, and their results. */
import { Context, Duration, Effect, Layer, type Scope, Stream } from "effect"
import { Audit, type Audited, auditLayer } from "#services/orchestrator/audit/audit.ts"
import type { Finding } from "#services/orchestrator/audit/finding.ts"
import { Records, recordsLayer, type Unreached } from "#services/orchestrator/audit/records.ts"
import { Fetch } from "#shared/http/client.ts"
import { serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import type { System } from "../running-system.ts"

export interface Auditing {
  readonly audit: Audit["Service"]
  readonly records: Records["Service"]
  /** The sum of a full audit. */
  readonly everything: Effect.Effect<Audited, Unreached>
}

const urlOf = (name: string) => new URL(`http://${name}.test`)
export const urls = { ...forEachParticipant(urlOf), orders: urlOf("orders") }

export const startAudit = (
  { fetch, orders }: System,
  deadline = "2 minutes",
): Effect.Effect<Auditing, unknown, Scope.Scope> =>
  Effect.gen(function* () {
    const context = yield* Layer.build(
      auditLayer({ deadline: Duration.fromInputUnsafe(deadline as Duration.Input) }).pipe(
        Layer.provideMerge(recordsLayer(urls)),
        Layer.provide(serviceSignerLayer("orchestrator", orders.environment.SERVICE_PRIVATE_KEY!)),
      ),
    )
    const through = <A>(stream: Stream.Stream<A, Unreached>) =>
      Stream.provideContext(stream, Context.make(Fetch, fetch))
    const given = Context.get(context, Audit)
    const audit = Audit.of({
      orders: (range) => through(given.orders(range)),
      books: through(given.books),
    })
    return {
      audit,
      records: Context.get(context, Records),
      everything: summed(Stream.concat(audit.orders({}), audit.books)),
    }
  })

export const summed = (
  parts: Stream.Stream<Audited, Unreached>,
): Effect.Effect<Audited, Unreached> =>
  Effect.map(Stream.runCollect(parts), (all) => ({
    findings: all.flatMap(({ findings }) => findings),
    allHeld: sum(all, "allHeld"),
    noneHeld: sum(all, "noneHeld"),
    inFlight: sum(all, "inFlight"),
    inQuestion: sum(all, "inQuestion"),
    resources: sum(all, "resources"),
    downTo: undefined,
  }))

const sum = (
  parts: ReadonlyArray<Audited>,
  what: "allHeld" | "noneHeld" | "inFlight" | "inQuestion" | "resources",
) => parts.reduce((total, part) => total + part[what], 0)

/** Findings as [kind, participant, order or resource], sorted. */
export const named = (findings: ReadonlyArray<Finding>) =>
  findings.map((
    { kind, participant, orderId, resource },
  ) => [kind, participant, orderId ?? resource])
    .sort((a, b) => `${a}` < `${b}` ? -1 : 1)
