/** The command line of the planted bugs. */
import { absorbed, bugs } from "./bugs.ts"

export type Arguments =
  | {
    readonly task: "run"
    /** The name of the one to plant; all, if it is not given. */
    readonly only: string | undefined
    readonly markdown: boolean
  }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

export const help = `Usage: npm run test:planted [-- --only NAME] [--markdown]

Tests the simulation: plants one bug after the other into a copy of the sources and lets the copy
simulate the seeds 1 to 1000. Each has to show as a violation of an invariant that the bug breaks,
and the sources as they are must show none. Exits with 0 when that is so, with 1 when not or when a
bug does not fit the sources any more, and with 2 when an option is wrong.

  --only NAME  plants this one: see tests/planted/README.md for the names
  --markdown   prints the tables that stand in tests/planted/README.md
  --help       show this`

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  let only: string | undefined
  let markdown = false
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? ""
    if (word === "--help" || word === "-h") return { task: "help" }
    const [option, attached] = word.split(/=(.*)/s)
    if (word === "--markdown") {
      markdown = true
    } else if (option === "--only") {
      only = attached ?? words[++n] ?? ""
      if (![...bugs, ...absorbed].some(({ name }) => name === only)) {
        return refuse(`There is no planted bug ${JSON.stringify(only)}`)
      }
    } else {
      return refuse(`The planted bugs do not know ${JSON.stringify(word)}`)
    }
  }
  return { task: "run", only, markdown }
}

const refuse = (what: string): Arguments => ({
  task: "refuse",
  message: `${what}: see npm run test:planted -- --help`,
})
