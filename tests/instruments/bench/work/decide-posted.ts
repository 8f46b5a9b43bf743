/**
 * Each order is one request, from a customer with a token. The clock stops with the last decision.
 */
import { Effect } from "effect"
import { startGenerator } from "../load/generator.ts"
import { askLivez } from "../load/livez.ts"
import type { Load } from "../load/load.ts"
import type { Recorder } from "../profile/recorder.ts"
import { measured, orFailed } from "../run.ts"
import type { Subject } from "../subject.ts"
import { untilDecided } from "./until-decided.ts"

/** Enough to fill batches, as far as customers who wait for their answers can. */
export const connectionsAtPeak = 128

export interface PostedOptions extends Partial<Omit<Load, "doors" | "customers" | "orders">> {
  readonly recorder?: Recorder | undefined
  readonly sinceId?: string
  /** The port at which /livez is polled during the run. */
  readonly livezAt?: number
}

/** One run, from the first request until the last decision. */
export const decidePosted = (
  subject: Subject,
  orders: number,
  { recorder, sinceId, livezAt, ...more }: PostedOptions = {},
) => {
  const { databases, doors, customers } = subject
  const prepare = Effect.gen(function* () {
    const connections = connectionsAtPeak
    const load: Load = { doors, customers, orders, connections, shape: "mixed", ...more }
    const generator = yield* startGenerator(load)
    const until = Effect.scoped(Effect.gen(function* () {
      const livezP99Ms = livezAt === undefined ? undefined : yield* askLivez(livezAt)
      const { p50Ms, p99Ms } = yield* generator.run
      yield* orFailed(() => untilDecided(databases))
      return {
        latency: { p50Ms, p99Ms },
        ...(livezP99Ms && { livezP99Ms: livezP99Ms() }),
      }
    }))
    return { orders, processes: [{ name: "load", pid: generator.pid }], until }
  })
  return measured(subject, { prepare, recorder, ...(sinceId !== undefined && { sinceId }) })
}
