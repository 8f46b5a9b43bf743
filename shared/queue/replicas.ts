/**
 * Lets the replicas that take from one stream ask each other what only one of them knows. A
 * question goes into the mailbox of each live consumer, and each pushes its answer to the
 * question's own list. Replicas tell nothing unasked, and orders in flight do not use this. A
 * replica that does not answer in time is named, so that the asker knows what is missing.
 */
import { Context, Effect, Schedule, type Scope } from "effect"
import type { QueueUnavailable } from "./order-queue.ts"
import type { CommandRefused, RedisCommand, StreamTransport } from "./stream-transport.ts"

/** The answers by replica, and the replicas that did not answer. */
export interface Heard {
  readonly answers: ReadonlyArray<readonly [replica: string, answer: unknown]>
  readonly unheard: ReadonlyArray<string>
}

export class Replicas extends Context.Service<Replicas, {
  /** The name of this replica. */
  readonly self: string
  /**
   * Answers the questions of others about `about` until the scope closes. Questions and answers are
   * JSON.
   */
  readonly answer: (
    about: string,
    handle: (question: unknown) => Effect.Effect<unknown>,
  ) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Asks all other live replicas, or only `whom`; never fails. A replica without a handler for
   * `about` answers null.
   */
  readonly ask: (
    about: string,
    question: unknown,
    whom?: ReadonlyArray<string>,
  ) => Effect.Effect<Heard>
}>()("unwind/queue/Replicas") {}

/** For a queue in one process. */
export const noReplicas: Replicas["Service"] = {
  self: "memory",
  answer: () => Effect.void,
  ask: () => Effect.succeed({ answers: [], unheard: [] }),
}

export interface ReplicaOptions {
  readonly stream: string
  readonly self: string
  /** The names of the live consumers, with or without this one. */
  readonly living: Effect.Effect<ReadonlyArray<string>, CommandRefused | QueueUnavailable>
  /** How often a mailbox is polled. */
  readonly pollMs: number
}

/** Longer than a poll and an answer take; what nobody reads is gone soon after. */
const keptForMs = 10_000
const mostAtOnce = "100"

interface Letter {
  readonly answerTo: string
  readonly about: string
  readonly question: unknown
}

export const streamReplicas = (
  { send }: StreamTransport,
  { stream, self, living, pollMs }: ReplicaOptions,
): Replicas["Service"] => {
  const mailbox = (name: string) => `${stream}:mailbox:${name}`
  const push = (key: string, value: unknown): ReadonlyArray<RedisCommand> => [
    ["rpush", key, JSON.stringify(value)],
    ["pexpire", key, String(keptForMs)],
  ]
  const handlers = new Map<string, (question: unknown) => Effect.Effect<unknown>>()
  return {
    self,
    answer: Effect.fnUntraced(function* (about, handle) {
      yield* Effect.acquireRelease(
        Effect.sync(() => handlers.set(about, handle)),
        () => Effect.sync(() => handlers.delete(about)),
      )
      // The first handler starts the poll for all.
      if (handlers.size > 1) return
      const look = Effect.gen(function* () {
        const [letters] = yield* send([["lpop", mailbox(self), mostAtOnce]])
        yield* Effect.forEach(letters as ReadonlyArray<string> | null ?? [], (text) => {
          const { answerTo, about, question } = JSON.parse(text) as Letter
          return Effect.flatMap(
            handlers.get(about)?.(question) ?? Effect.succeed(null),
            (answer) => send(push(answerTo, [self, answer])),
          )
        }, { discard: true })
      })
      yield* look.pipe(
        Effect.catchDefect((defect) =>
          Effect.logError("A replica's question met a defect", defect)
        ),
        // The asker notices that no answer came; a broken queue is reported where entries are
        // taken.
        Effect.ignore,
        Effect.repeat(Schedule.spaced(pollMs)),
        Effect.forkScoped,
      )
    }),
    ask: (about, question, whom) =>
      Effect.gen(function* () {
        const others = whom ?? (yield* living).filter((name) => name !== self)
        if (others.length === 0) return { answers: [], unheard: [] }
        const answerTo = `${stream}:answers:${crypto.randomUUID()}`
        const letter: Letter = { answerTo, about, question }
        yield* send(others.flatMap((name) => push(mailbox(name), letter)))
        const read = Effect.map(
          send([["lrange", answerTo, "0", "-1"]]),
          ([texts]) =>
            (texts as ReadonlyArray<string>).map((text) => JSON.parse(text)) as Heard["answers"],
        )
        const heard = yield* Effect.repeat(read, {
          until: (answers) => answers.length >= others.length,
          // More often than mailboxes: only while a question is open.
          schedule: Schedule.spaced(pollMs / 10).pipe(
            Schedule.upTo({ duration: 4 * pollMs + 1_000 }),
          ),
        }).pipe(Effect.andThen(read))
        const names = new Set(heard.map(([name]) => name))
        return { answers: heard, unheard: others.filter((name) => !names.has(name)) }
      }).pipe(
        Effect.catch(({ message }) =>
          Effect.succeed<Heard>({ answers: [], unheard: [`all others: ${message}`] })
        ),
      ),
  }
}
