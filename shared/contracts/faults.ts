/**
 * Faults that operators inject to see that no order is lost, and how many requests met them: GET
 * and POST /internal/faults of the services that a saga calls. Only where FAULTS=1.
 */
import { Effect, Schema } from "effect"
import { participantNames } from "./order-saga.ts"
import { OperatorReason } from "./text.ts"

/** The services that a saga calls, into which faults can be injected. */
export const faultyServices = [...participantNames, "orders"] as const
export type FaultyService = typeof faultyServices[number]

const whole = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/**
 * What happens to the requests of sagas. The faults apply in this order, each drawn anew for every
 * request.
 */
const faults = {
  /** The percentage of requests that are refused with 503, without any effect. */
  refusePercent: whole(100),
  /** How much later the other requests begin, in milliseconds. */
  delayMs: whole(60_000),
  /** The percentage of these that get no answer while the caller waits, without any effect. */
  hangPercent: whole(100),
  /** The percentage of the rest that take effect, but whose connection is cut before the answer. */
  dropPercent: whole(100),
}
export type FaultName = keyof typeof faults

const usualSeconds = 60

const orNone = (schema: Schema.Codec<number>) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))

/**
 * POST /internal/faults: replaces all faults. An omitted fault is 0, so omitting all of them
 * removes all faults.
 */
export const FaultsWanted = Schema.Struct({
  refusePercent: orNone(faults.refusePercent),
  delayMs: orNone(faults.delayMs),
  hangPercent: orNone(faults.hangPercent),
  dropPercent: orNone(faults.dropPercent),
  /** The faults end by themselves after so many seconds, in case nobody removes them. */
  seconds: Schema.Int.check(Schema.isBetween({ minimum: 1, maximum: 3_600 })).pipe(
    Schema.withDecodingDefaultKey(Effect.succeed(usualSeconds)),
  ),
  reason: OperatorReason,
}).annotate({ identifier: "FaultsWanted" })
export type FaultsWanted = typeof FaultsWanted.Type

/** GET /internal/faults, of the replica that answers. */
export const FaultState = Schema.Struct({
  ...faults,
  /** When they end by themselves (ISO 8601); null while there are none. */
  until: Schema.NullOr(Schema.String),
  /** How many requests met each fault since the service started. */
  met: Schema.Struct({
    refused: Schema.Int,
    delayed: Schema.Int,
    hung: Schema.Int,
    dropped: Schema.Int,
  }),
}).annotate({ identifier: "FaultState" })
export type FaultState = typeof FaultState.Type

/** POST /internal/kill and POST /internal/queue/wipe, of the orchestrator. */
export const FaultReason = Schema.Struct({ reason: OperatorReason })

/** Example bodies for the descriptions of the routes. */
export const reasonExample = { reason: "Do all orders come out whole?" }
export const faultsExample = { dropPercent: 30, seconds: 30, ...reasonExample }

/** What the order queue held before it was wiped. */
export const Wiped = Schema.Struct({
  entries: Schema.Int,
  deadLetters: Schema.Int,
}).annotate({ identifier: "Wiped" })
export type Wiped = typeof Wiped.Type
