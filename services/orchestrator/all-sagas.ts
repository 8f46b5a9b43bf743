/**
 * The sagas of all orchestrators, whichever of them is asked. Each knows only its own sagas, from
 * memory, and asks the others. Nothing is reported unasked, so an order pays nothing for it, and
 * what is shown is gone with the saga or its orchestrator.
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
const about = "sagas"
const Question = Schema.Union([
  Schema.Struct({ ask: Schema.Literal("find"), orderId: OrderId }),
  Schema.Struct({
    ask: Schema.Literal("page"),
    filter: SagaFilter,
    after: Schema.optionalKey(OrderId),
    limit: Schema.Int,
  }),
  Schema.Struct({ ask: Schema.Literal("groups") }),
  Schema.Struct({ ask: Schema.Literal("count"), selection, most: Schema.Int }),
  Schema.Struct({ ask: Schema.Literal("retry"), selection, most: Schema.Int }),
])
type Question = typeof Question.Type
const decodeQuestion = Schema.decodeUnknownOption(Question)

const Counted = Schema.Struct({
  waiting: Schema.Int,
  trying: Schema.Int,
  oldest: Schema.Array(OrderId),
})
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
      yield* replicas.answer(about, (question) =>
        Option.match(decodeQuestion(question), {
          // From a version that is not known here. The asker counts null as an answer that it
          // cannot read.
          onNone: () => Effect.succeed(null),
          onSome: own,
        }))
      /** The answers of the orchestrators in `whom`, or of all, this one's first. */
      const ask = Effect.fnUntraced(
        function* <A>(
          question: Question,
          schema: Schema.Codec<A, unknown>,
          whom?: ReadonlyArray<string>,
        ) {
          const decode = Schema.decodeUnknownOption(schema)
          const others = whom?.filter((name) => name !== replicas.self)
          const isAsked = whom === undefined || whom.includes(replicas.self)
          const [mine, { answers, unheard }] = yield* Effect.all([
            isAsked
              ? Effect.map(own(question), (answer) => [[replicas.self, answer] as const])
              : Effect.succeed([]),
            replicas.ask(about, question, others),
          ], { concurrency: 2 })
          const heard = [...mine, ...answers].map(([name, answer]) =>
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
          const most = dryRun ? 0 : cap
          const { answers, unheard } = yield* ask({ ask: "count", selection, most }, Counted)
          const sum = (of: "waiting" | "trying") =>
            answers.reduce((all, [, count]) => all + count[of], 0)
          const told = yield* Effect.forEach(
            sharesOf(answers, most),
            ([name, most]) => ask({ ask: "retry", selection, most }, Schema.Int, [name]),
            { concurrency: "unbounded" },
          )
          const woken = told.flatMap(({ answers }) => answers).reduce((all, [, n]) => all + n, 0)
          return {
            waiting: sum("waiting"),
            trying: sum("trying"),
            woken,
            unheard: [...unheard, ...told.flatMap((one) => one.unheard)],
          }
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
        return sagas.count(question.selection, question.most)
      case "retry":
        return sagas.retry(question.selection, question.most)
    }
  }

/** How many sagas each orchestrator may wake, so that these are the oldest of all together. */
const sharesOf = (
  counted: ReadonlyArray<readonly [string, typeof Counted.Type]>,
  cap: number,
): ReadonlyMap<string, number> => {
  const all = counted.flatMap(([name, { oldest }]) => oldest.map((id) => [id, name] as const))
  const shares = new Map<string, number>()
  for (const [, name] of all.toSorted(([a], [b]) => a < b ? -1 : 1).slice(0, cap)) {
    shares.set(name, (shares.get(name) ?? 0) + 1)
  }
  return shares
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

/**
 * Merges groups of the same action, step and cause; the group with the oldest order comes first.
 */
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
