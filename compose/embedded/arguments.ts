/** The command line of `npm start`, which takes settings and no options. */
import { embeddedSettings } from "./settings.ts"

export type Arguments =
  | { readonly task: "run" }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

const settings = Object.entries(embeddedSettings).map(([name, { expects, default: value }]) =>
  `  ${name.padEnd(28)} ${expects}${value === undefined ? "" : ` (${value})`}`
)

export const help = `Usage: npm start

Starts the whole system in one process, until Ctrl-C: a PostgreSQL that npm installed, Redis if there
is a redis-server on the PATH, and all services behind one port, with health and metrics at another one
that this machine alone reaches. All data is in one folder.

Settings come from the environment, as in PORT=8081 npm start:

${settings.join("\n")}

.env.example has those of the services, which may be set beside these, and what each means.`

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  const [word] = words
  if (word === undefined) return { task: "run" }
  if (words.some((word) => word === "--help" || word === "-h")) return { task: "help" }
  return {
    task: "refuse",
    message: `npm start takes settings and no options, such as ${JSON.stringify(word)}: ` +
      "see npm start -- --help",
  }
}
