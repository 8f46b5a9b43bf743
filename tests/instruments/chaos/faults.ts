/**
 * The faults of processes and servers. Random values are drawn when a fault is dealt, in a fixed
 * order, so a seed repeats its faults; their exact timing depends on the machine.
 */
import { Clock, Effect, Random } from "effect"
import type { ServiceName } from "#shared/roster.ts"
import type { Evidence, Injection } from "./evidence.ts"
import type { Load } from "./load.ts"
import type { Replica } from "./replica.ts"
import { seconds } from "./report.ts"
import { type ChaosSystem, claimAfterMs, type Target } from "./system.ts"

/** What the faults act on. */
export interface Stage {
  readonly system: ChaosSystem
  readonly load: Load
  readonly evidence: Evidence
}

export interface Fault {
  /** The description in the progress line. */
  readonly what: string
  /** The replicas and servers that it breaks. Simultaneous faults break different ones. */
  readonly breaks: ReadonlyArray<string>
  /** What must work meanwhile: without it, the fault has no effect. */
  readonly needs?: ReadonlyArray<string>
  /**
   * Breaks something, mends it and waits until it is back. The bystanders are the replicas that no
   * simultaneous fault breaks. Succeeds with the time at which it acted, or with undefined if it
   * did not act.
   */
  readonly run: (
    bystanders: ReadonlyArray<Replica>,
  ) => Effect.Effect<Omit<Injection, "kind"> | undefined>
}

/** A kind of fault, which can be dealt repeatedly. */
export interface Card {
  readonly kind: string
  /** Draws a fault that breaks only what is free; undefined if there is none. */
  readonly deal: (isFree: (name: string) => boolean) => Effect.Effect<Fault | undefined>
}

export const now = Clock.currentTimeMillis

export const between = (least: number, most: number): Effect.Effect<number> =>
  Random.nextIntBetween(least, most)

export const oneOf = <A>(all: ReadonlyArray<A>): Effect.Effect<A | undefined> =>
  Effect.map(between(0, Math.max(0, all.length - 1)), (n) => all[n])

/**
 * Draws a moment within a burst of orders. Returns the effect that starts the burst and waits until
 * then.
 */
export const drawBurst = ({ load }: Stage): Effect.Effect<Effect.Effect<void>> =>
  Effect.map(between(40, 110), (ms) => Effect.andThen(load.burst, Effect.sleep(ms)))

/** Starts a replica that is down. */
export const bringBack = ({ evidence }: Stage, replica: Replica): Effect.Effect<void> =>
  Effect.map(replica.start, (ready) => {
    if (!ready) evidence.wrong.push(`${replica.name} was not ready 30 s after its start`)
  })

/**
 * Measures how long replicas take to become ready by themselves, now that what they need is back.
 */
export const reconnect = ({ evidence }: Stage, replicas: ReadonlyArray<Replica>, after: string) =>
  Effect.forEach(replicas, ({ name, isReady }) =>
    Effect.gen(function* () {
      const backAtMs = yield* now
      let ms = 0
      while (ms < 30_000) {
        const ready = yield* isReady
        ms = (yield* now) - backAtMs
        if (ready) break
        yield* Effect.sleep("100 millis")
      }
      evidence.reconnects.push({ replica: name, after, ms })
    }), { concurrency: "unbounded", discard: true })

/** The replicas that are ready only while they reach that server. */
export const waitingFor = (
  server: Target,
  replicas: ReadonlyArray<Replica>,
): ReadonlyArray<Replica> =>
  replicas.filter(({ service }) => server === (service === "orchestrator" ? "Redis" : "PostgreSQL"))

const replicaOf = (
  { system }: Stage,
  isFree: (name: string) => boolean,
  ...services: ReadonlyArray<ServiceName>
) =>
  oneOf(system.replicas.filter(({ name, service }) => services.includes(service) && isFree(name)))

const killing = (stage: Stage, service: ServiceName): Card => ({
  kind: `kill ${service}`,
  deal: Effect.fnUntraced(function* (isFree) {
    const replica = yield* replicaOf(stage, isFree, service)
    const downMs = yield* between(0, 2_000)
    const burst = yield* drawBurst(stage)
    if (replica === undefined) return
    return {
      what: `kill ${replica.name}`,
      breaks: [replica.name],
      run: () =>
        Effect.gen(function* () {
          yield* burst
          if (service === "auth" || service === "billing") yield* stage.load.newcomers(1)
          const atMs = yield* now
          yield* replica.kill
          yield* Effect.sleep(downMs)
          yield* bringBack(stage, replica)
          return { fromMs: atMs, untilMs: atMs }
        }),
    }
  }),
})

const pausing = (
  stage: Stage,
  kind: string,
  services: ReadonlyArray<ServiceName>,
  [leastMs, mostMs]: readonly [number, number],
): Card => ({
  kind,
  deal: Effect.fnUntraced(function* (isFree) {
    const replica = yield* replicaOf(stage, isFree, ...services)
    const stoppedMs = yield* between(leastMs, mostMs)
    const burst = yield* drawBurst(stage)
    if (replica === undefined) return
    return {
      what: `stop ${replica.name} for ${seconds(stoppedMs)}`,
      breaks: [replica.name],
      run: () =>
        Effect.gen(function* () {
          yield* burst
          const fromMs = yield* now
          yield* replica.pause
          yield* Effect.sleep(stoppedMs)
          yield* replica.resume
          const untilMs = yield* now
          yield* bringBack(stage, replica)
          return { fromMs, untilMs }
        }).pipe(Effect.ensuring(replica.resume)),
    }
  }),
})

/** A fault of a server, which lasts as long as `run` does. */
const ofServer = (
  stage: Stage,
  server: string,
  kind: string,
  run: (bystanders: ReadonlyArray<Replica>, downMs: number) => Effect.Effect<void>,
): Card => ({
  kind,
  deal: Effect.fnUntraced(function* (isFree) {
    const burst = yield* drawBurst(stage)
    const downMs = yield* between(0, 2_000)
    if (!isFree(server)) return
    return {
      what: kind,
      breaks: [server],
      run: (bystanders) =>
        Effect.gen(function* () {
          yield* burst
          const atMs = yield* now
          yield* run(bystanders, downMs)
          return { fromMs: atMs, untilMs: atMs }
        }),
    }
  }),
})

/** All faults of processes and servers. */
export const serverCards = (stage: Stage): ReadonlyArray<Card> => {
  const { postgres, redis } = stage.system
  return [
    ...(["auth", "billing", "items", "slots", "orders", "orchestrator"] as const).map((service) =>
      killing(stage, service)
    ),
    // Longer than the time after which others claim its orders: it wakes up as a zombie.
    pausing(stage, "stop an orchestrator", ["orchestrator"], [claimAfterMs + 800, 5_000]),
    pausing(
      stage,
      "stop another service",
      ["auth", "billing", "items", "slots", "orders"],
      [500, 3_500],
    ),
    ofServer(stage, "PostgreSQL", "kill PostgreSQL", (bystanders) =>
      postgres.kill.pipe(
        Effect.andThen(postgres.untilBack),
        Effect.andThen(reconnect(stage, waitingFor("PostgreSQL", bystanders), "kill PostgreSQL")),
      )),
    ofServer(
      stage,
      "PostgreSQL",
      "end all of PostgreSQL's connections",
      (bystanders) =>
        postgres.terminateAll.pipe(
          Effect.andThen(
            reconnect(stage, waitingFor("PostgreSQL", bystanders), "its connections' end"),
          ),
        ),
    ),
    ofServer(stage, "Redis", "restart Redis", (bystanders, downMs) =>
      redis.restart(downMs).pipe(
        Effect.andThen(reconnect(stage, waitingFor("Redis", bystanders), "restart Redis")),
      )),
    ofServer(stage, "Redis", "FLUSHALL", () => redis.flush),
  ]
}
