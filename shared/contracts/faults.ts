/**
 * Faults that operators set on purpose, to watch that no order is lost, and what came of them: GET
 * and POST /internal/faults of the services that a saga calls. Only where FAULTS=1.
 */
import { Effect, Schema } from "effect"
import { participantNames } from "./order-saga.ts"
import { OperatorReason } from "./text.ts"

/** The services that a saga calls: to their answers faults happen. */
export const faultyServices = [...participantNames, "orders"] as const
export type FaultyService = typeof faultyServices[number]

const whole = (maximum: number) => Schema.Int.check(Schema.isBetween({ minimum: 0, maximum }))

/**
 * What happens to requests of sagas. A request meets them in this order; each is drawn for it anew.
 */
const faults = {
  /** Of a hundred requests, so many are refused: 503, and nothing was done. */
  refusePercent: whole(100),
  /** How much later the others begin, in milliseconds. */
  delayMs: whole(60_000),
  /** Of a hundred of these, so many are not answered while anybody waits, and nothing was done. */
  hangPercent: whole(100),
  /** Of a hundred of the rest, so many take effect, and the connection is cut before the answer. */
  dropPercent: whole(100),
}
export type FaultName = keyof typeof faults

const usualSeconds = 60

const orNone = (schema: Schema.Codec<number>) =>
  schema.pipe(Schema.withDecodingDefaultKey(Effect.succeed(0)))

/**
 * POST /internal/faults: from now on these and no others; what is left out is 0. All left out mends
 * everything.
 */
export const FaultsWanted = Schema.Struct({
  refusePercent: orNone(faults.refusePercent),
  delayMs: orNone(faults.delayMs),
  hangPercent: orNone(faults.hangPercent),
  dropPercent: orNone(faults.dropPercent),
  /** After so many seconds they end by themselves: nobody has to remember them. */
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
  /** How many requests met each, since the service started. */
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

/** Right bodies, for whoever tries the routes from their description. */
export const reasonExample = { reason: "Do all orders come out whole?" }
export const faultsExample = { dropPercent: 30, seconds: 30, ...reasonExample }

/** What the order queue held, and holds no more. */
export const Wiped = Schema.Struct({
  entries: Schema.Int,
  deadLetters: Schema.Int,
}).annotate({ identifier: "Wiped" })
export type Wiped = typeof Wiped.Type
