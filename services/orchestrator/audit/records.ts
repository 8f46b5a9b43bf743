/**
 * What the audit reads: the records of orders and participants, over their internal routes. A
 * failed request is retried for a few seconds.
 */
import { Context, Effect, Layer, Schedule, Schema } from "effect"
import {
  type AuditedOrder,
  AuditedOrderPage,
  Balance,
  maxPage,
  type PageQuery,
  type Recorded,
  RecordedPage,
  Unfinished,
} from "#shared/contracts/audit.ts"
import { type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { Forgotten } from "#shared/contracts/retention.ts"
import { type Callee, get, post } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { Misconfigured, OutcomeUnknown, type Transient } from "#shared/transient.ts"
import { breach, type Paragraph, saidIn, understood } from "../answers.ts"
import { reservations } from "../participants.ts"
import type { OfOrder } from "../suspects.ts"

/** A service that does not answer the audit, and why. */
export class Unreached extends Schema.TaggedError<Unreached>()("Unreached", {
  service: Schema.String,
  message: Schema.String,
  /** Whether retries are useless until a person corrects something. */
  isMisconfigured: Schema.Boolean,
}) {}

export class Records extends Context.Service<Records, {
  /**
   * The participants whose records are read: all, unless the caller leaves out one that is away.
   */
  readonly participants: ReadonlyArray<ParticipantName>
  /** A page of orders, newest first. */
  readonly orders: (query: PageQuery) => Effect.Effect<ReadonlyArray<AuditedOrder>, Unreached>
  readonly unfinished: Effect.Effect<Unfinished, Unreached>
  /** A page of what a participant has on record, newest order first. */
  readonly reservations: (
    participant: ParticipantName,
    query: PageQuery,
  ) => Effect.Effect<ReadonlyArray<Recorded>, Unreached>
  /** How far a participant has forgotten. */
  readonly forgotten: (participant: ParticipantName) => Effect.Effect<Forgotten, Unreached>
  readonly balance: (participant: ParticipantName) => Effect.Effect<Balance, Unreached>
  /** Has a participant carry out up to `maxBatch` commands. Their outcomes are on its record. */
  readonly apply: (
    participant: ParticipantName,
    commands: ReadonlyArray<Command>,
  ) => Effect.Effect<void, Unreached>
}>()("unwind/orchestrator/Records") {}

export type ServiceUrls = Readonly<Record<ParticipantName | "orders", URL>>

/** Summing the books of a large participant takes time. */
const timeoutMs = 20_000

const fewRetries = Schedule.exponential("200 millis").pipe(Schedule.upTo({ times: 4 }))

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
      const read = <A>(
        name: ParticipantName | "orders",
        path: string,
        understand: (name: string, answer: unknown) => Effect.Effect<A, OutcomeUnknown>,
        paragraph?: Paragraph,
      ) => {
        const asked = get(callee(name), path)
        return reached(name, Effect.flatMap(asked, (answer) => understand(name, answer)), paragraph)
      }
      return Records.of({
        participants: participantNames,
        orders: (query) => read("orders", `/internal/orders?${written(query)}`, orders(query)),
        unfinished: read("orders", "/internal/orders/unfinished", unfinished),
        reservations: (name, query) =>
          read(name, `/internal/reservations?${written(query)}`, recorded(query), "audit"),
        forgotten: (name) => read(name, "/internal/forgotten", forgotten, "retention"),
        balance: (name) => read(name, "/internal/books", balance, "audit"),
        apply: (name, commands) => {
          const { path, request, answers, paragraph } = reservations
          const answered = Effect.flatMap(
            post(callee(name), path, request(commands)),
            (response) => answers(name, commands, response),
          )
          return Effect.asVoid(reached(name, answered, paragraph))
        },
      })
    }),
  )

const written = (query: PageQuery): string =>
  new URLSearchParams(Object.entries(query).map(([name, value]) => [name, String(value)]))
    .toString()

/** Fails with a breach when a page is not what was asked for: what follows it would be unknown. */
const assertPage = (
  name: string,
  { before, after, limit = maxPage }: PageQuery,
  page: ReadonlyArray<OfOrder>,
): Effect.Effect<void, OutcomeUnknown> => {
  if (page.length > limit) {
    return breach(name, `answered a page of ${page.length}, where at most ${limit} were asked for`)
  }
  for (let n = 0; n < page.length; n++) {
    const { orderId } = page[n]!
    const last = page[n - 1]?.orderId
    const isInside = (before === undefined || orderId < before) &&
      (after === undefined || orderId > after)
    if (!isInside) {
      return breach(name, "answered a page with an order out of its range", { orderId })
    }
    if (last !== undefined && orderId >= last) {
      const fault = orderId === last ? "has an order twice" : "is not sorted, newest order first"
      return breach(name, `answered a page that ${fault}`, { orderId })
    }
  }
  return Effect.void
}

const pages = <R, A extends OfOrder>(
  schema: Schema.Codec<R, unknown>,
  entriesOf: (response: R) => ReadonlyArray<A>,
) => {
  const understand = understood(schema)
  return (query: PageQuery) => (name: string, answer: unknown) =>
    understand(name, answer).pipe(
      Effect.map(entriesOf),
      Effect.tap((page) => assertPage(name, query, page)),
    )
}

const orders = pages(AuditedOrderPage, ({ orders }) => orders)
const recorded = pages(RecordedPage, ({ reservations }) => reservations)
const unfinished = understood(Unfinished)
const forgotten = understood(Forgotten)
const balance = understood(Balance)

/** Retries for a while. Fails with Unreached. */
const reached = <A>(
  service: string,
  call: Effect.Effect<A, Transient>,
  paragraph?: Paragraph,
): Effect.Effect<A, Unreached> =>
  call.pipe(
    Effect.retry(fewRetries),
    saidIn(paragraph),
    Effect.mapError((error) =>
      new Unreached({
        service,
        message: error.message,
        isMisconfigured: error instanceof Misconfigured ||
          (error instanceof OutcomeUnknown && error.breach !== undefined),
      })
    ),
  )
