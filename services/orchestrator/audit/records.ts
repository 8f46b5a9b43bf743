/**
 * What the audit reads: the records that orders and participants keep, over their internal routes. An answer that fails to
 * come is asked for again for a few seconds.
 */
import { Context, Effect, Layer, Option, Schedule, Schema } from "effect"
import {
  Balance,
  type PageQuery,
  type Recorded,
  RecordedPage,
  type Standing,
  StandingPage,
  Unfinished,
} from "#shared/contracts/audit.ts"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import { type Command, ReservationResponse } from "#shared/contracts/reservation.ts"
import { Forgotten } from "#shared/contracts/retention.ts"
import { type Callee, get, post } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { Misconfigured, type Transient, Unknown } from "#shared/transient.ts"

/** A service that does not answer the audit, and why. */
export class Unreached extends Schema.TaggedError<Unreached>()("Unreached", {
  service: Schema.String,
  message: Schema.String,
  /** Whether trying again is in vain until a person mends something. */
  isMisconfigured: Schema.Boolean,
}) {}

export class Records extends Context.Service<Records, {
  /** Those whose records are read: all, unless somebody knows that one is away and goes on without it. */
  readonly participants: ReadonlyArray<ParticipantName>
  /** A page of orders, newest first. */
  readonly orders: (query: PageQuery) => Effect.Effect<ReadonlyArray<Standing>, Unreached>
  readonly unfinished: Effect.Effect<Unfinished, Unreached>
  /** A page of what a participant has on record, newest order first. */
  readonly reservations: (
    participant: ParticipantName,
    query: PageQuery,
  ) => Effect.Effect<ReadonlyArray<Recorded>, Unreached>
  /** How far a participant has forgotten. */
  readonly forgotten: (participant: ParticipantName) => Effect.Effect<Forgotten, Unreached>
  readonly balance: (participant: ParticipantName) => Effect.Effect<Balance, Unreached>
  /** Has a participant carry out up to `maxBatch` commands; what it answered is on its record. */
  readonly apply: (
    participant: ParticipantName,
    commands: ReadonlyArray<Command>,
  ) => Effect.Effect<void, Unreached>
}>()("unwind/orchestrator/Records") {}

export type ServiceUrls = Readonly<Record<ParticipantName | "orders", URL>>

/** The sums of a large participant take their time. */
const timeoutMs = 20_000

const again = Schedule.exponential("200 millis").pipe(Schedule.upTo({ times: 4 }))

export const recordsLayer = (urls: ServiceUrls): Layer.Layer<Records, never, ServiceSigner> =>
  Layer.effect(
    Records,
    Effect.gen(function* () {
      const signer = yield* ServiceSigner
      const callee = (name: ParticipantName | "orders"): Callee => ({
        name,
        url: urls[name],
        token: signer.tokenFor(name),
        timeoutMs,
      })
      const read = <A, I>(
        name: ParticipantName | "orders",
        path: string,
        schema: Schema.Codec<A, I>,
      ) => answered(get(callee(name), path), name, schema)
      return Records.of({
        participants: participantNames,
        orders: (query) =>
          Effect.map(
            read("orders", `/internal/orders?${written(query)}`, StandingPage),
            ({ orders }) => orders,
          ),
        unfinished: read("orders", "/internal/orders/unfinished", Unfinished),
        reservations: (name, query) =>
          Effect.map(
            read(name, `/internal/reservations?${written(query)}`, RecordedPage),
            ({ reservations }) => reservations,
          ),
        forgotten: (name) => read(name, "/internal/forgotten", Forgotten),
        balance: (name) => read(name, "/internal/books", Balance),
        apply: (name, commands) =>
          Effect.asVoid(
            answered(
              post(callee(name), "/internal/reservations", { commands }),
              name,
              ReservationResponse,
            ),
          ),
      })
    }),
  )

const written = (query: PageQuery): string =>
  new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
    .toString()

const answered = <A, I>(
  call: Effect.Effect<unknown, Transient>,
  name: string,
  schema: Schema.Codec<A, I>,
): Effect.Effect<A, Unreached> => {
  const decode = Schema.decodeUnknownOption(schema)
  return call.pipe(
    Effect.flatMap((answer) =>
      Option.match(decode(answer), {
        onSome: Effect.succeed,
        onNone: () => new Unknown({ message: `${name} answered what cannot be understood` }),
      })
    ),
    Effect.retry(again),
    Effect.mapError((error) =>
      new Unreached({
        service: name,
        message: error.message,
        isMisconfigured: error instanceof Misconfigured,
      })
    ),
  )
}
