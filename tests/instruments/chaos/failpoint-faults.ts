/**
 * kill -9 exactly between two durable steps: a card for each failpoint in each service that passes
 * it.
 */
import { Effect, Option } from "effect"
import { type FailpointName, failpoints } from "#shared/failpoint.ts"
import type { ServiceName } from "#shared/roster.ts"
import { between, bringBack, type Card, now, oneOf, type Stage } from "./faults.ts"
import type { Replica } from "./replica.ts"

export const failpointKind = "kill at a failpoint"

export interface FailpointCard extends Card {
  readonly failpoint: FailpointName
}

/** Failpoints that are passed so rarely that every replica is armed, at its first hit. */
const seldom: ReadonlyArray<FailpointName> = [
  "auth.user stored",
  "billing.account opened",
  "orders.swept",
  "orchestrator.before cancel",
]
const patienceMs = 10_000
const ordersUnpublishedMs = 1_000

/** The services that pass a failpoint: the first word of its name, or all participants. */
const passedBy = (failpoint: FailpointName): ReadonlyArray<ServiceName> =>
  failpoint.startsWith("reservations.")
    ? ["billing", "items", "slots"]
    : [failpoint.split(".")[0] as ServiceName]

/** Makes a process reach the failpoint. */
const provoke = ({ system, load }: Stage, failpoint: FailpointName): Effect.Effect<void> => {
  if (failpoint === "auth.user stored" || failpoint === "billing.account opened") {
    return Effect.andThen(load.burst, load.newcomers(1))
  }
  if (failpoint !== "orders.swept") return load.burst
  // The sweeper takes orders that could not be published.
  const links = system.links.filter(({ from, to }) => from.startsWith("orders") && to === "Redis")
  return Effect.forEach(links, ({ link }) => link.cut).pipe(
    Effect.andThen(load.burst),
    Effect.andThen(Effect.sleep(ordersUnpublishedMs)),
    Effect.ensuring(Effect.forEach(links, ({ link }) => link.mend)),
    Effect.asVoid,
  )
}

const dyingAt = (stage: Stage, failpoint: FailpointName, service: ServiceName): FailpointCard => ({
  kind: failpointKind,
  failpoint,
  deal: Effect.fnUntraced(function* (isFree) {
    const all = stage.system.replicas.filter((replica) => replica.service === service)
    const chosen = yield* oneOf(all.filter(({ name }) => isFree(name)))
    const hit = yield* between(1, 4)
    const downMs = yield* between(0, 2_000)
    const every = seldom.includes(failpoint)
    if (every ? all.some(({ name }) => !isFree(name)) : chosen === undefined) return
    const armed = every ? all : [chosen!]
    return {
      what: `kill ${service} at "${failpoint}"`,
      breaks: armed.map(({ name }) => name),
      // A process that waits for a database reaches no failpoint.
      needs: ["PostgreSQL"],
      run: () => killAt(stage, failpoint, armed, every ? 1 : hit, downMs),
    }
  }),
})

const killAt = Effect.fnUntraced(function* (
  stage: Stage,
  failpoint: FailpointName,
  armed: ReadonlyArray<Replica>,
  hit: number,
  downMs: number,
) {
  yield* Effect.forEach(armed, (replica) => replica.arm(failpoint, hit))
  const first = yield* Effect.all(
    [Effect.raceAllFirst(armed.map(({ ended }) => ended)), provoke(stage, failpoint)],
    { concurrency: "unbounded" },
  ).pipe(
    Effect.map(([where]) => where),
    Effect.timeoutOption(patienceMs),
  )
  const atMs = yield* now
  yield* Effect.forEach(armed, ({ disarm }) => disarm)
  yield* Effect.sleep(downMs)
  // Other replicas may have died there before they were disarmed.
  yield* Effect.forEach(armed, (replica) => bringBack(stage, replica), { concurrency: 3 })
  const { failpointsHit } = stage.evidence
  if (Option.getOrUndefined(first) !== failpoint) return
  failpointsHit.set(failpoint, (failpointsHit.get(failpoint) ?? 0) + 1)
  return { fromMs: atMs, untilMs: atMs }
})

/** A card for each failpoint in each service that passes it. */
export const failpointCards = (stage: Stage): ReadonlyArray<FailpointCard> =>
  failpoints.flatMap((failpoint) =>
    passedBy(failpoint).map((service) => dyingAt(stage, failpoint, service))
  )
