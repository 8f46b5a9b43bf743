/** The command line of `npm start`, which takes settings and no options. */
import { tableOf } from "#shared/command/help.ts"
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { embeddedSettings } from "./settings.ts"

const settings = Object.entries(embeddedSettings).map(([name, { expects, default: value }]) =>
  [value === undefined ? name : `${name} (${value})`, expects] as const
)

export const startSyntax = syntax({
  call: "npm start",
  usage: "",
  about:
    `Starts the whole system in one process, until Ctrl-C: a PostgreSQL that npm installed, Redis if
there is a redis-server on the PATH, and all services behind one port, with health and metrics at
another port that only this machine can reach. All data is in one folder.

Settings come from the environment, as in PORT=8081 npm start. These are shown with their defaults:

${tableOf(settings)}

.env.example describes the services' settings, which may be set as well.`,
  options: {},
  closing: "",
  words: { least: 0, most: Infinity, what: "" },
  read: (_, [word]) => {
    if (word === undefined) return {}
    throw new Misused(`npm start takes settings and no options, such as ${JSON.stringify(word)}`)
  },
})
