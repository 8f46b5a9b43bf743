/**
 * An audit of every service that answers, which heals as it goes if told to: shared by the running
 * check, operators and the command line.
 */
import { Effect, Stream } from "effect"
import { participantNames } from "#shared/contracts/order-saga.ts"
import { Audit, type Audited } from "./audit.ts"
import type { Finding } from "./finding.ts"
import { heal } from "./heal.ts"
import { Records, type Unreached } from "./records.ts"
import { noSums, plus, type Sums } from "./sums.ts"

/** Where an audit broke off because a service did not answer. */
export interface BrokenOff {
  readonly part: "the rest of the orders" | "the rest of the books" | "the healing"
  readonly unreached: Unreached
}

export interface Everything {
  readonly sums: Sums
  readonly brokenOff: ReadonlyArray<BrokenOff>
}

export interface EverythingOptions {
  /**
   * The services that are known to be away. While one is away nothing is healed; without the orders
   * service, no orders are audited.
   */
  readonly away: ReadonlyArray<string>
  readonly heals: boolean
  /**
   * Called with each part as it comes, with which of its findings were healed, and with the sums so
   * far.
   */
  readonly tell: (
    part: Audited,
    isHealed: (finding: Finding) => boolean,
    sums: Sums,
  ) => Effect.Effect<void>
}

export const auditEverything = Effect.fnUntraced(
  function* ({ away, heals, tell }: EverythingOptions) {
    const { books, orders } = yield* Audit
    const brokenOff: Array<BrokenOff> = []
    // The last step is undone first, so nothing is healed when a later participant may be away.
    const mayHeal = () => heals && away.length === 0 && brokenOff.length === 0
    const asFarAsItGoes = (
      part: BrokenOff["part"],
      audited: Stream.Stream<Audited, Unreached>,
    ) =>
      Stream.catch(audited, (unreached) => {
        brokenOff.push({ part, unreached })
        return Stream.empty
      })
    const healedOf = Effect.fnUntraced(
      function* ({ findings }: Audited) {
        if (!mayHeal()) return false
        yield* heal(findings)
        return true
      },
      Effect.catch((unreached) =>
        Effect.sync(() => {
          brokenOff.push({ part: "the healing", unreached })
          return false
        })
      ),
    )
    // Books come last, so that they balance after healing.
    const sums = yield* Stream.concat(
      asFarAsItGoes("the rest of the orders", away.includes("orders") ? Stream.empty : orders({})),
      asFarAsItGoes("the rest of the books", books),
    ).pipe(
      Stream.runFoldEffect(() => noSums, (sums, part) =>
        Effect.gen(function* () {
          const heals = yield* healedOf(part)
          const isHealed = (finding: Finding) => heals && finding.heal !== null
          const soFar = plus(sums, part, isHealed)
          yield* tell(part, isHealed, soFar)
          return soFar
        })),
    )
    return { sums, brokenOff } satisfies Everything as Everything
  },
)

/** The services that do not answer a small request. */
export const unreachedOf = (
  services: ReadonlyArray<string> = [...participantNames, "orders"],
): Effect.Effect<ReadonlyArray<Unreached>, never, Records> =>
  Effect.gen(function* () {
    const records = yield* Records
    const asked = [
      ...participantNames.map((name) => [name, Effect.asVoid(records.forgotten(name))] as const),
      ["orders", Effect.asVoid(records.unfinished)] as const,
    ].filter(([name]) => services.includes(name))
    const answers = yield* Effect.forEach(
      asked,
      ([, ask]) =>
        Effect.match(ask, { onFailure: (unreached) => [unreached], onSuccess: () => [] }),
      { concurrency: "unbounded" },
    )
    return answers.flat()
  })
