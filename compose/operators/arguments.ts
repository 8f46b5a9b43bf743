/** The command line of the operators: who is to be one, or no more. */

export type Arguments =
  | { readonly task: "grant" | "revoke"; readonly username: string }
  | { readonly task: "list" }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

export const help = `Usage: npm run operators -- grant NAME | revoke NAME | list

Operators are users who may use the console. Only who has access to auth's database makes one:

  grant NAME   makes the user an operator, from the next log-in or refresh on
  revoke NAME  takes that away, and logs the user out everywhere; all know within 30 seconds
  list         the operators, and since when
  --help       show this

Where DATABASE_URL is set (as in auth's container) it is that database; else the data folder of
npm start (DATA_DIR), whether that runs or not:

  docker compose exec auth node compose/operators/main.ts grant NAME
  kubectl --namespace unwind exec deployment/auth -- node compose/operators/main.ts grant NAME

Each change is in the audit trail (npm run trail). Exits with 0 when it is so now, also when it was
so before, with 1 when there is no such user, and with 2 when it cannot be done.`

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  if (words.some((word) => word === "--help" || word === "-h")) return { task: "help" }
  const [task, name, ...more] = words
  const isNamed = task === "grant" || task === "revoke"
  if (isNamed && name !== undefined && name !== "" && more.length === 0) {
    return { task, username: name.normalize("NFKC") }
  }
  if (task === "list" && name === undefined) return { task }
  const why = task === undefined
    ? "Say what to do"
    : isNamed
    ? `${task} takes the name of one user`
    : task === "list"
    ? "list takes no name"
    : `There is no ${JSON.stringify(task)}`
  return { task: "refuse", message: `${why}: see npm run operators -- --help` }
}
