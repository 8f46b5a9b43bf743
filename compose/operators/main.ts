/** `npm run operators`: makes users operators, and takes that away. */
import { Cause, Clock, Effect, Logger, Option, References } from "effect"
import { authDatabase } from "#compose/embedded/auth-database.ts"
import {
  type Granted,
  type ListedOperator,
  operatorTable,
  type Revoked,
} from "#services/auth/operator-table.ts"
import { Database } from "#shared/postgres/database.ts"
import { runMain } from "#shared/service/run-main.ts"
import { type Arguments, help, parseArguments } from "./arguments.ts"

type Task = Exclude<Arguments, { readonly task: "help" | "refuse" }>

const sentences: Readonly<Record<Granted | Revoked, (name: string) => string>> = {
  granted: (name) => `${name} is an operator now, from the next log-in on.`,
  "granted before": (name) => `${name} is an operator already.`,
  revoked: (name) => `${name} is no operator any more, and is logged out within 30 seconds.`,
  "no operator": (name) => `${name} is no operator; nothing has changed.`,
  unknown: (name) => `There is no user ${JSON.stringify(name)}: sign up first, or mend the name.`,
}

const listed = ({ username, since }: ListedOperator) => `${username}  since ${since.toISOString()}`

/** Gives the exit code. */
const perform = (given: Task) =>
  Effect.gen(function* () {
    const { query, transaction } = yield* Database
    const now = new Date(yield* Clock.currentTimeMillis)
    if (given.task === "list") {
      const operators = yield* query((sql) => operatorTable(sql, now).list)
      for (const operator of operators) console.log(listed(operator))
      if (operators.length === 0) console.error("There are no operators.")
      return 0
    }
    const { task, username } = given
    const result = yield* transaction((sql) => operatorTable(sql, now)[task](username))
    if (result === "unknown") {
      console.error(sentences[result](username))
      return 1
    }
    console.log(sentences[result](username))
    return 0
  })

const main = (given: Task) =>
  perform(given).pipe(
    Effect.provide(authDatabase),
    Effect.scoped,
    Effect.catchCause((cause) => {
      if (Cause.hasInterruptsOnly(cause)) return Effect.failCause(cause)
      const error = Option.getOrUndefined(Cause.findErrorOption(cause))
      console.error(`Cannot get at the operators: ${error?.message ?? Cause.pretty(cause)}`)
      return Effect.succeed(2)
    }),
    Effect.tap((code) => Effect.sync(() => process.exitCode = code)),
    Effect.provide(Logger.layer([Logger.withConsoleError(Logger.formatLogFmt)])),
    Effect.provideService(References.MinimumLogLevel, "Error"),
  )

const given = parseArguments(process.argv.slice(2))
switch (given.task) {
  case "help":
    console.log(help)
    break
  case "refuse":
    console.error(given.message)
    process.exitCode = 2
    break
  default:
    runMain(main(given), 130)
}
