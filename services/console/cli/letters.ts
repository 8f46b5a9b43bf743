/** `npm run unwind -- dead`, `redrive` and `discard`: the dead letters of the order queue. */
import { Effect, Schema } from "effect"
import { printable } from "#shared/command/printable.ts"
import { Misused } from "#shared/command/understand.ts"
import { type DeadLetterView, LetterId, maxLetters } from "#shared/contracts/queue.ts"
import type { ConsoleApi } from "./console-api.ts"
import { consoleCommand, reasonOf, reasonOption } from "./console-command.ts"
import type { ApiError } from "./http.ts"
import { idBeginningOf, orderNamed } from "./order-id.ts"
import { agoOf, type Column, columns, counted, type Output } from "./output.ts"
import { pagingOf, pagingOptions, printPages } from "./paging.ts"

const table: ReadonlyArray<Column<DeadLetterView>> = [
  { name: "LETTER", width: 17, of: ({ id }) => id },
  { name: "AGE", width: 5, right: true, of: ({ buriedAt }) => agoOf(buriedAt) },
  { name: "TIMES", width: 5, right: true, of: ({ count }) => `${count}` },
  { name: "ORDER", width: 36, of: ({ orderId }) => orderId ?? "unknown" },
  {
    name: "CAUSE",
    width: 0,
    of: ({ cause, unreadable }) =>
      unreadable === null ? cause : `${cause}; can only be discarded: ${unreadable}`,
  },
]

const payloadOf = ({ payload }: DeadLetterView): string => `  ${printable(payload.join(" "))}`

export const dead = consoleCommand(
  {
    name: "dead",
    usage: "[--order ORDER] [--limit N] [--after LETTER]",
    about:
      "Lists the dead letters of the order queue, oldest first, with their causes and payloads.",
    options: {
      order: { type: "string", value: "ORDER", says: "only those of this order" },
      ...pagingOptions,
    },
    read: (given) => ({
      order: given.order === undefined ? undefined : idBeginningOf(given.order),
      paging: pagingOf(given),
    }),
  },
  Effect.fnUntraced(function* ({ api, out }, { order, paging }) {
    const orderId = order === undefined ? undefined : yield* orderNamed(api, order)
    const { heading, row } = columns(table)
    const found = yield* printPages(
      paging,
      out,
      (page) =>
        Effect.map(
          api.letters({ orderId }, page),
          ({ letters, next }) => ({ rows: letters, next }),
        ),
      {
        heading,
        print: (letter) => out.data(letter, () => `${row(letter)}\n${payloadOf(letter)}`),
      },
    )
    if (found === 0) yield* out.note("There are no dead letters.")
  }),
)

interface Ended {
  readonly letter: string
  readonly outcome: string
  readonly cause?: string
}

interface Ending {
  readonly name: "redrive" | "discard"
  readonly about: string
  /** The outcome that means success. */
  readonly done: string
  readonly end: (
    api: ConsoleApi,
    letters: ReadonlyArray<string>,
    reason: string,
  ) => Effect.Effect<{ readonly letters: ReadonlyArray<Ended> }, ApiError>
}

const isLetter = Schema.is(LetterId)

/**
 * Passes all dead letters to `end`, page by page. The next page begins after the last letter of
 * this one.
 */
const eachPage = Effect.fnUntraced(function* (
  api: ConsoleApi,
  end: (letters: ReadonlyArray<string>) => Effect.Effect<void, ApiError>,
) {
  let after: string | undefined
  do {
    const page: { letters: ReadonlyArray<DeadLetterView>; next: string | null } = yield* api
      .letters({}, { after, limit: maxLetters })
    if (page.letters.length > 0) yield* end(page.letters.map(({ id }) => id))
    after = page.next ?? undefined
  } while (after !== undefined)
})

const chunksOf = (letters: ReadonlyArray<string>): ReadonlyArray<ReadonlyArray<string>> =>
  Array.from(
    { length: Math.ceil(letters.length / maxLetters) },
    (_, n) => letters.slice(n * maxLetters, (n + 1) * maxLetters),
  )

const endingCommand = ({ name, about, done, end }: Ending) =>
  consoleCommand(
    {
      name,
      usage: "LETTER... --reason TEXT\n--all --reason TEXT",
      about,
      options: {
        all: { type: "boolean", says: "all dead letters" },
        reason: reasonOption,
      },
      words: { least: 0, most: Infinity, what: "ids of dead letters" },
      read: ({ all = false, reason }, letters) => {
        if (all === letters.length > 0) throw new Misused("Give ids of dead letters, or --all")
        const wrong = letters.find((letter) => !isLetter(letter))
        if (wrong !== undefined) {
          throw new Misused(
            `${JSON.stringify(wrong)} is not the id of a dead letter, such as 1764413000000-0`,
          )
        }
        return { letters, reason: reasonOf(reason) }
      },
    },
    Effect.fnUntraced(function* ({ api, out }, { letters, reason }) {
      let [did, left] = [0, 0]
      const perform = (some: ReadonlyArray<string>) =>
        Effect.gen(function* () {
          for (const one of (yield* end(api, some, reason)).letters) {
            if (one.outcome === done) did++
            else left++
            yield* printEnded(one, out)
          }
        })
      if (letters.length > 0) yield* Effect.forEach(chunksOf(letters), perform, { discard: true })
      else yield* eachPage(api, perform)
      yield* out.note(`${counted(did)} ${done}${left === 0 ? "" : `, ${counted(left)} not`}.`)
      return left > 0 ? 1 : 0
    }),
  )

const printEnded = (one: Ended, out: Output) =>
  out.data(
    one,
    () =>
      printable(`${one.letter}  ${one.outcome}${one.cause === undefined ? "" : `: ${one.cause}`}`),
  )

export const redrive = endingCommand({
  name: "redrive",
  about:
    `Puts the orders of dead letters on the queue again. A letter that cannot be read stays, and can
only be discarded.`,
  done: "redriven",
  end: (api, letters, reason) => api.redrive(letters, reason),
})

export const discard = endingCommand({
  name: "discard",
  about:
    "Removes dead letters for good. Their orders stay; unfinished ones are put on the queue again.",
  done: "discarded",
  end: (api, letters, reason) => api.discard(letters, reason),
})
