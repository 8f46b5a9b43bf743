/** `npm run operators`: grants and revokes the role of operators. */
import { Clock, Effect } from "effect"
import { authDatabase } from "#compose/embedded/auth-database.ts"
import {
  type Granted,
  type ListedOperator,
  operatorTable,
  type Revoked,
} from "#services/auth/operator-table.ts"
import { command } from "#shared/command/command.ts"
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { Database } from "#shared/postgres/database.ts"

type Task =
  | { readonly task: "grant" | "revoke"; readonly username: string }
  | { readonly task: "list" }

const taskOf = ([task, name]: ReadonlyArray<string>): Task => {
  if (task === "list") {
    if (name !== undefined) throw new Misused("list takes no name")
    return { task }
  }
  if (task !== "grant" && task !== "revoke") {
    throw new Misused(`There is no ${JSON.stringify(task)}`)
  }
  if (!name) throw new Misused(`${task} takes the name of one user`)
  return { task, username: name.normalize("NFKC") }
}

export const operatorsSyntax = syntax({
  call: "npm run operators",
  usage: "-- grant NAME | revoke NAME | list",
  about:
    `Operators are users who may use the console. Making one requires access to auth's database:

  grant NAME   makes the user an operator, from the next log-in or refresh on
  revoke NAME  removes the role, and logs the user out everywhere within 30 seconds
  list         the operators, and since when`,
  options: {},
  closing:
    `If DATABASE_URL is set (as in auth's container), it uses that database; otherwise the data folder
of npm start (DATA_DIR), running or not:

  docker compose run --rm --no-deps auth compose/operators/main.ts grant NAME
  kubectl --namespace unwind exec deployment/auth -- node compose/operators/main.ts grant NAME

Each change is in the audit trail (npm run trail). Exits with 0 on success,
even if nothing changed, with 1 when there is no such user, and with 2 on failure.`,
  words: { least: 1, most: 2, what: "grant NAME, revoke NAME or list" },
  read: (_, words) => taskOf(words),
})

const sentences: Readonly<Record<Granted | Revoked, (name: string) => string>> = {
  granted: (name) => `${name} is an operator now, from the next log-in on.`,
  "granted before": (name) => `${name} is an operator already.`,
  revoked: (name) => `${name} is no longer an operator, and is logged out within 30 seconds.`,
  "no operator": (name) => `${name} is not an operator; nothing has changed.`,
  unknown: (name) =>
    `There is no user ${JSON.stringify(name)}: sign up first, or correct the name.`,
}

const listed = ({ username, since }: ListedOperator) => `${username}  since ${since.toISOString()}`

/** Returns the exit code. */
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

export const operators = command(
  operatorsSyntax,
  (task) => perform(task).pipe(Effect.provide(authDatabase), Effect.scoped),
  { failure: { says: "Cannot access the operators: ", code: 2 } },
)
