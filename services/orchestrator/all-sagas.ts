/**
 * The sagas of all orchestrators, whichever of them is asked: each knows its own alone, from memory, and asks the others.
 * Nobody tells anything unasked, so an order pays nothing for it, and what is shown is gone with the saga or its orchestrator.
 */
import { Context, Effect, Layer, Option, Schema } from "effect"
import { OrderId } from "#shared/contracts/order.ts"
import {
  maxGroups,
  type RetryResponse,
  RunningSaga,
  SagaFilter,
  StuckGroup,
} from "#shared/contracts/saga.ts"
import { Replicas } from "#shared/queue/replicas.ts"
import { type LocalSaga, RunningSagas, type Selection } from "./running-sagas.ts"

const selection = Schema.Struct({ ...SagaFilter.fields, orderId: Schema.optionalKey(OrderId) })

/** What replicas ask each other. */
const Question = Schema.Union([
  Schema.Struct({ ask: Schema.Literal("find"), orderId: OrderId }),
  Schema.Struct({
    ask: Schema.Literal("page"),
    filter: SagaFilter,
    after: Schema.optionalKey(OrderId),
    limit: Schema.Int,
  }),
  Schema.Struct({ ask: Schema.Literal("groups") }),
  Schema.Struct({ ask: Schema.Literal("count"), selection }),
  Schema.Struct({ ask: Schema.Literal("retry"), selection, most: Schema.Int }),
])
type Question = typeof Question.Type
const decodeQuestion = Schema.decodeUnknownOption(Question)

const Counted = Schema.Struct({ waiting: Schema.Int, trying: Schema.Int })
const Local = Schema.Struct(RunningSaga.fields).mapFields(({ orchestrator: _, ...fields }) =>
  fields
)

type Unheard = { readonly unheard: ReadonlyArray<string> }

export class AllSagas extends Context.Service<AllSagas, {
  readonly find: (orderId: OrderId) => Effect.Effect<{ saga: RunningSaga | null } & Unheard>
  /** Oldest order first. */
  readonly page: (
    filter: SagaFilter,
    page: { readonly after?: OrderId | undefined; readonly limit: number },
  ) => Effect.Effect<{ sagas: ReadonlyArray<RunningSaga>; next: OrderId | null } & Unheard>
  readonly groups: Effect.Effect<
    { groups: ReadonlyArray<StuckGroup>; count: number } & Unheard
  >
  readonly retry: (
    selection: Selection,
    how: { readonly cap: number; readonly dryRun: boolean },
  ) => Effect.Effect<RetryResponse>
}>()("unwind/orchestrator/AllSagas") {
  static readonly layer: Layer.Layer<AllSagas, never, RunningSagas | Replicas> = Layer.effect(
    AllSagas,
    Effect.gen(function* () {
      const replicas = yield* Replicas
      const own = answerFrom(yield* RunningSagas)
      yield* replicas.answer((question) =>
        Option.match(decodeQuestion(question), {
          // Of a version that is not known here: whoever asks takes it for an answer that it does not know.
          onNone: () => Effect.succeed(null),
          onSome: own,
        })
      )
      /** The answers of all, this one's first, by name. */
      const ask = Effect.fnUntraced(
        function* <A>(question: Question, schema: Schema.Codec<A, unknown>) {
          const decode = Schema.decodeUnknownOption(schema)
          const [mine, { answers, unheard }] = yield* Effect.all(
            [own(question), replicas.ask(question)],
            { concurrency: 2 },
          )
          const heard = [[replicas.self, mine] as const, ...answers].map(([name, answer]) =>
            [name, decode(answer)] as const
          )
          return {
            answers: heard.flatMap(([name, answer]) =>
              Option.isSome(answer) ? [[name, answer.value] as const] : []
            ),
            unheard: [
              ...unheard,
              ...heard.flatMap(([name, answer]) => Option.isNone(answer) ? [name] : []),
            ],
          }
        },
      )
      return AllSagas.of({
        find: (orderId) =>
          Effect.map(
            ask({ ask: "find", orderId }, Schema.NullOr(Local)),
            ({ answers, unheard }) => {
              const [found] = answers.flatMap(([orchestrator, saga]) =>
                saga === null ? [] : [{ ...saga, orchestrator }]
              )
              return { saga: found ?? null, unheard }
            },
          ),
        page: (filter, { after, limit }) =>
          Effect.map(
            ask(
              { ask: "page", filter, limit: limit + 1, ...(after !== undefined && { after }) },
              Schema.Array(Local),
            ),
            ({ answers, unheard }) => {
              const all = answers.flatMap(([orchestrator, sagas]) =>
                sagas.map((saga) => ({ ...saga, orchestrator }))
              ).toSorted((a, b) => a.orderId < b.orderId ? -1 : 1)
              const sagas = all.slice(0, limit)
              const next = all.length > limit ? sagas.at(-1)!.orderId : null
              return { sagas, next, unheard }
            },
          ),
        groups: Effect.map(
          ask({ ask: "groups" }, Schema.Array(StuckGroup)),
          ({ answers, unheard }) => {
            const groups = merged(answers.flatMap(([, groups]) => groups))
            return { groups: groups.slice(0, maxGroups), count: groups.length, unheard }
          },
        ),
        retry: Effect.fnUntraced(function* (selection, { cap, dryRun }) {
          const counted = yield* ask({ ask: "count", selection }, Counted)
          const sum = (of: "waiting" | "trying") =>
            counted.answers.reduce((all, [, count]) => all + count[of], 0)
          const totals = { waiting: sum("waiting"), trying: sum("trying") }
          if (dryRun) return { ...totals, woken: 0, unheard: counted.unheard }
          let left = cap
          let woken = 0
          const unheard = [...counted.unheard]
          for (const [name, { waiting }] of counted.answers) {
            const most = Math.min(left, waiting)
            if (most === 0) continue
            const question = { ask: "retry", selection, most } as const
            const told = name === replicas.self
              ? { answers: [[name, yield* own(question)] as const], unheard: [] }
              : yield* replicas.ask(question, [name])
            unheard.push(...told.unheard)
            for (const [, count] of told.answers) {
              woken += Number(count)
              left -= Number(count)
            }
          }
          return { ...totals, woken, unheard }
        }),
      })
    }),
  )
}

/** What one orchestrator answers. */
const answerFrom =
  (sagas: RunningSagas["Service"]) => (question: Question): Effect.Effect<unknown> => {
    switch (question.ask) {
      case "find":
        return Effect.map(sagas.find(question.orderId), (saga) => saga ?? null)
      case "page":
        return sagas.heldUp(question.filter, question)
      case "groups":
        return Effect.map(sagas.heldUp({}, { limit: Infinity }), groupsOf)
      case "count":
        return sagas.count(question.selection)
      case "retry":
        return sagas.retry(question.selection, question.most)
    }
  }

const groupsOf = (sagas: ReadonlyArray<LocalSaga>): ReadonlyArray<StuckGroup> =>
  merged(sagas.map(({ action, step, cause, orderId, since, nextAttemptAt }) => ({
    action,
    step,
    cause: cause!,
    count: 1,
    oldest: orderId,
    since,
    nextAttemptAt,
  })))

const earlier = <A extends string>(a: A, b: A): A => a < b ? a : b

/** Those of the same action, step and cause as one; the group with the oldest order first. */
const merged = (groups: ReadonlyArray<StuckGroup>): ReadonlyArray<StuckGroup> => {
  const of = new Map<string, StuckGroup>()
  for (const group of groups) {
    const key = JSON.stringify([group.action, group.step, group.cause])
    const other = of.get(key)
    of.set(
      key,
      other === undefined ? group : {
        ...group,
        count: group.count + other.count,
        oldest: earlier(group.oldest, other.oldest),
        since: earlier(group.since, other.since),
        nextAttemptAt: group.nextAttemptAt === null || other.nextAttemptAt === null
          ? group.nextAttemptAt ?? other.nextAttemptAt
          : earlier(group.nextAttemptAt, other.nextAttemptAt),
      },
    )
  }
  return [...of.values()].toSorted((a, b) => a.oldest < b.oldest ? -1 : 1)
}
