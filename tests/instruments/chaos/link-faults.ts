/** The faults of connections: between services, to PostgreSQL, and to Redis. */
import { Effect } from "effect"
import {
  between,
  bringBack,
  type Card,
  drawBurst,
  now,
  oneOf,
  reconnect,
  type Stage,
  waitingFor,
} from "./faults.ts"
import type { Link } from "./link.ts"
import { seconds } from "./report.ts"
import type { Target } from "./system.ts"

interface Way {
  readonly kind: string
  readonly forMs: readonly [least: number, most: number]
  /** Breaks the link; only the slow way uses the delay. */
  readonly spoil: (link: Link, delayMs: number) => Effect.Effect<void>
  readonly tell: (delayMs: number) => string
}

const ways: ReadonlyArray<Way> = [
  {
    kind: "cut connections",
    forMs: [0, 2_000],
    spoil: ({ cut }) => cut,
    tell: () => "cut",
  },
  {
    kind: "slow connections",
    forMs: [1_500, 3_500],
    spoil: ({ slow }, delayMs) => slow(delayMs),
    tell: (delayMs) => `slow by ${seconds(delayMs)}`,
  },
  {
    kind: "connections without answers",
    forMs: [1_500, 3_500],
    spoil: ({ silence }) => silence,
    tell: () => "silent",
  },
]

const ends: ReadonlyArray<(to: Target) => boolean> = [
  (to) => to === "PostgreSQL",
  (to) => to === "Redis",
  (to) => to !== "PostgreSQL" && to !== "Redis",
]

const spoiling = (stage: Stage, way: Way, leadsThere: (to: Target) => boolean): Card => ({
  kind: way.kind,
  deal: Effect.fnUntraced(function* (isFree) {
    const named = yield* oneOf(
      stage.system.links.filter(({ from, to }) => isFree(from) && isFree(to) && leadsThere(to)),
    )
    const forMs = yield* between(...way.forMs)
    const delayMs = yield* between(100, 2_500)
    const burst = yield* drawBurst(stage)
    if (named === undefined) return
    const { from, to, link } = named
    const replica = stage.system.replicas.find(({ name }) => name === from)!
    const what = `${from} → ${to} ${way.tell(delayMs)} for ${seconds(forMs)}`
    const toServer = to === "PostgreSQL" || to === "Redis"
    return {
      what,
      // While the server at the other end is down as well, the time until a replica is back tells
      // nothing.
      breaks: toServer ? [from, to] : [from],
      run: () =>
        Effect.gen(function* () {
          yield* burst
          const fromMs = yield* now
          yield* way.spoil(link, delayMs)
          yield* Effect.sleep(forMs)
          yield* link.mend
          const untilMs = yield* now
          yield* reconnect(stage, waitingFor(to, [replica]), what)
          yield* bringBack(stage, replica)
          return { fromMs, untilMs }
        }),
    }
  }),
})

/** All faults of connections: each way to break them, to each kind of target. */
export const linkCards = (stage: Stage): ReadonlyArray<Card> =>
  ways.flatMap((way) => ends.map((leadsThere) => spoiling(stage, way, leadsThere)))
