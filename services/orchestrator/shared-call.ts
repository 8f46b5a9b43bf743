/**
 * A call that waves share by group commit: what several waves ask of one service at the same time
 * goes out in one request, one request at a time, and each order gets the answer to its own entry.
 * Orders of a failed request share requests of their own: a request without an answer costs a whole
 * timeout at each attempt, and no other order waits for that.
 */
import { Effect, type Scope } from "effect"
import { groupCommit } from "#shared/batch/group-commit.ts"
import { maxBatch } from "#shared/contracts/reservation.ts"
import { type Callee, postBatch } from "#shared/http/client.ts"
import type { Answers } from "#shared/saga/saga.ts"
import type { OutcomeUnknown } from "#shared/transient.ts"
import { withSharedSpan } from "#shared/telemetry/trace.ts"
import { type Paragraph, saidIn } from "./answers.ts"
import { Callees } from "./callees.ts"
import { CurrentOrderSpans } from "./order-spans.ts"
import { type Call, inOrder, resolving } from "./resolving.ts"
import type { OfOrder } from "./suspects.ts"

export interface SharedCall<I, O> {
  readonly path: string
  /** The body of the request for these entries. */
  readonly request: (entries: ReadonlyArray<I>) => unknown
  /**
   * The answers in a response to these entries, in the order of the entries. Fails with a breach.
   */
  readonly answers: (
    callee: string,
    entries: ReadonlyArray<I>,
    response: unknown,
  ) => Effect.Effect<ReadonlyArray<O>, OutcomeUnknown>
  /** Where the protocol defines the answers. */
  readonly paragraph?: Paragraph
}

/** Makes the function that sends several entries, at most `maxBatch`. */
export const sharedCall = <I extends OfOrder, O extends OfOrder>(
  callee: Callee,
  { path, request, answers, paragraph }: SharedCall<I, O>,
): Effect.Effect<
  (entries: ReadonlyArray<I>) => Effect.Effect<Answers<O>>,
  never,
  Callees | Scope.Scope
> =>
  Effect.gen(function* () {
    const watch = yield* (yield* Callees).watch(callee.name)
    const spans = yield* CurrentOrderSpans
    const call: Call<I, O> = (entries) =>
      withSharedSpan(
        ask(entries),
        `${callee.name} for orders`,
        { of: spans.of(entries), count: entries.length },
      )
    const ask: Call<I, O> = (entries) =>
      postBatch(callee, path, request(entries)).pipe(
        Effect.flatMap((response) => answers(callee.name, entries, response)),
        saidIn(paragraph),
        watch,
      )
    const { resolve, suspects } = resolving(callee.name, call, watch)
    const lane = groupCommit<ReadonlyArray<I>, Answers<O>, never>({
      max: maxBatch,
      size: (entries) => entries.length,
      run: (lists) =>
        Effect.map(resolve(lists.flat()), (all) => {
          let at = 0
          return lists.map(({ length }) => all.slice(at, at += length))
        }),
    })
    const usual = yield* lane
    const apart = yield* lane
    return (entries) => {
      const failed = suspects(entries)
      if (failed.length === 0) return usual(entries)
      if (failed.length === entries.length) return apart(entries)
      const isFailed = new Set(failed)
      const others = entries.filter((entry) => !isFailed.has(entry))
      return Effect.map(
        Effect.all([usual(others), apart(failed)], { concurrency: 2 }),
        (answers) => inOrder(entries, [...others, ...failed], answers.flat()),
      )
    }
  })
