/**
 * `npm run unwind -- stock` and `restock`: shows and changes what is left of accounts, items and
 * slots.
 */
import { Effect } from "effect"
import { printable } from "#shared/command/printable.ts"
import { Misused } from "#shared/command/understand.ts"
import { oneOf } from "#shared/command/values.ts"
import { orderSaga, type ParticipantName, participantNames } from "#shared/contracts/order-saga.ts"
import { fromMinor, toMinor } from "#shared/contracts/order.ts"
import { type Adjustment, maxChange, type Stock } from "#shared/contracts/stock.ts"
import { consoleCommand, reasonOf, reasonOption } from "./console-command.ts"
import { ApiError } from "./http.ts"
import { agoOf, type Column, columns } from "./output.ts"
import { pagingOf, pagingOptions, printPages } from "./paging.ts"

/** The participant that counts in minor units of money, which are printed as money. */
const ofMoney = orderSaga.find(({ step }) => step === "money")?.at

const amountOf = (participant: ParticipantName, count: number): string =>
  participant === ofMoney ? fromMinor(count).toFixed(2) : `${count}`

const participantOf = (word: string | undefined): ParticipantName =>
  oneOf("The participant", word ?? "", participantNames)

const stockTable = (participant: ParticipantName): ReadonlyArray<Column<Stock>> => [
  { name: "RESOURCE", width: 24, of: ({ resource }) => resource },
  { name: "LEFT", width: 12, right: true, of: ({ left }) => amountOf(participant, left) },
  { name: "TAKEN", width: 12, right: true, of: ({ taken }) => amountOf(participant, taken) },
  { name: "TITLE", width: 0, of: ({ title }) => title ?? "" },
]

const ledgerTable = (participant: ParticipantName): ReadonlyArray<Column<Adjustment>> => [
  { name: "NUMBER", width: 8, right: true, of: ({ number }) => `${number}` },
  { name: "AGE", width: 5, right: true, of: ({ adjustedAt }) => agoOf(adjustedAt) },
  { name: "RESOURCE", width: 24, of: ({ resource }) => resource },
  {
    name: "CHANGE",
    width: 12,
    right: true,
    of: ({ change }) => `${change > 0 ? "+" : ""}${amountOf(participant, change)}`,
  },
  { name: "LEFT", width: 12, right: true, of: ({ left }) => amountOf(participant, left) },
  { name: "OPERATOR", width: 12, of: ({ operator }) => operator },
  { name: "REASON", width: 0, of: ({ reason }) => reason },
]

export const stock = consoleCommand(
  {
    name: "stock",
    usage: `${participantNames.join("|")} [--prefix TEXT | --adjustments]`,
    about: `Lists the resources of a participant (of ${ofMoney}: the accounts) with what is left and
what orders have taken; or the adjustments that operators made, newest first.`,
    options: {
      prefix: { type: "string", value: "TEXT", says: "only names that begin with this" },
      adjustments: { type: "boolean", says: "list the adjustments and their reasons" },
      ...pagingOptions,
    },
    words: { least: 1, most: 1, what: `one of ${participantNames.join(", ")}` },
    read: (given, [word]) => {
      const { prefix, adjustments = false } = given
      if (prefix !== undefined && adjustments) {
        throw new Misused("Give only one of --prefix and --adjustments")
      }
      return { participant: participantOf(word), prefix, adjustments, paging: pagingOf(given) }
    },
  },
  Effect.fnUntraced(function* ({ api, out }, { participant, prefix, adjustments, paging }) {
    if (adjustments) {
      const { heading, row } = columns(ledgerTable(participant))
      const found = yield* printPages(
        paging,
        out,
        (page) =>
          Effect.map(api.adjustments(participant, page), (found) => ({
            rows: found.adjustments,
            next: found.next,
          })),
        { heading, print: (adjustment) => out.data(adjustment, () => row(adjustment)) },
      )
      if (found === 0) yield* out.note("There are no adjustments.")
      return
    }
    const { heading, row } = columns(stockTable(participant))
    const found = yield* printPages(
      paging,
      out,
      (page) =>
        Effect.map(
          api.stock(participant, prefix, page),
          ({ stock, next }) => ({ rows: stock, next }),
        ),
      { heading, print: (one) => out.data(one, () => row(one)) },
    )
    if (found === 0) yield* out.note("There is no such resource.")
  }),
)

/** In the participant's own unit. Throws Misused. */
const changeOf = (option: string, participant: ParticipantName, given: string): number => {
  const isMoney = participant === ofMoney
  const isRight = (isMoney ? /^\d{1,12}(\.\d\d?)?$/ : /^\d{1,14}$/).test(given)
  const change = isRight ? isMoney ? toMinor(Number(given)) : Number(given) : 0
  if (change > 0 && change <= maxChange) return change
  throw new Misused(
    `${option} needs ${isMoney ? "an amount such as 25.50" : "a whole number such as 50"}, up to ` +
      amountOf(participant, maxChange),
  )
}

export const restock = consoleCommand(
  {
    name: "restock",
    usage: `${participantNames.join("|")} RESOURCE (--add N | --take N)\n--reason TEXT [--key KEY]`,
    about:
      `Changes what is left of a resource. The participant's rules apply: nothing falls below zero,
and the books still balance.`,
    options: {
      add: {
        type: "string",
        value: "N",
        says: `increase what is left by N; for ${ofMoney}, an amount`,
      },
      take: { type: "string", value: "N", says: "decrease what is left by N" },
      reason: reasonOption,
      key: {
        type: "string",
        value: "KEY",
        says: "repeat the adjustment that has this idempotency key; it is made only once",
      },
    },
    words: { least: 2, most: 2, what: "a participant and a resource" },
    read: ({ add, take, reason, key = crypto.randomUUID() }, [word, resource = ""]) => {
      const participant = participantOf(word)
      if ((add === undefined) === (take === undefined)) {
        throw new Misused("Give either --add N or --take N")
      }
      const change = add !== undefined
        ? changeOf("--add", participant, add)
        : -changeOf("--take", participant, take ?? "")
      return { participant, body: { resource, change, reason: reasonOf(reason) }, key }
    },
  },
  Effect.fnUntraced(function* ({ api, out }, { participant, body, key }) {
    const made = yield* Effect.mapError(
      api.adjust(participant, body, key),
      (error) =>
        error.status !== undefined && error.status < 500
          ? error
          // The adjustment may have been made.
          : new ApiError({
            status: 503,
            message:
              `${error.message}. It is unknown whether this was done: run the same command with ` +
              `--key ${key}`,
          }),
    )
    const { resource, left, number } = made
    const sign = made.change > 0 ? "+" : ""
    const change = `${sign}${amountOf(participant, made.change)}`
    yield* out.data(made, () =>
      printable(
        `${resource}: ${change}, ${amountOf(participant, left)} left (adjustment ${number})`,
      ))
  }),
)
