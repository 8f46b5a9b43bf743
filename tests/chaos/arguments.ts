/** The command line of a chaos run. */

export type Arguments =
  | { readonly task: "run"; readonly minutes: number; readonly seed: string | undefined }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

const defaultMinutes = 5
const mostMinutes = 8 * 60

export const help = `Usage: npm run chaos [-- --minutes M] [--seed S]

Starts the six services as processes (two of orders, three of the orchestrator), with a PostgreSQL
and a Redis of their own, lets customers order, and breaks all of it: kill -9, also at every
failpoint, stopped processes, restarts, FLUSHALL, cut, slow and silent connections. At the end every
order must be final, none lost, half done or double. Exits with 0 when all of that holds, with 1
when something does not or the faults did not really hit ("not a test"), and with 2 when an option
is wrong.

  --minutes M  how long to break things, 0.25 to ${mostMinutes}; 5 where it is not given. From 2 on
               the run is held to have shown every fault, and goes on for up to half as long again
               if the machine was too slow for that
  --seed S     deals the same faults, in the same order, as the run that printed this seed; when
               exactly they hit is the machine's
  --help       show this`

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  let minutes = defaultMinutes
  let seed: string | undefined
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? ""
    if (word === "--help" || word === "-h") return { task: "help" }
    const [option = "", attached] = word.split(/=(.*)/s)
    if (option !== "--minutes" && option !== "--seed") {
      return refuse(`Chaos does not know ${JSON.stringify(word)}`)
    }
    const value = attached ?? words[++n] ?? ""
    if (option === "--seed") {
      if (!/^[\w-]{1,40}$/.test(value)) {
        return refuse("--seed needs a word of up to 40 letters and digits, such as 7f3a")
      }
      seed = value
      continue
    }
    minutes = /^\d+(\.\d+)?$/.test(value) ? Number(value) : 0
    if (minutes < 0.25 || minutes > mostMinutes) {
      return refuse(`--minutes needs a number from 0.25 to ${mostMinutes}, such as 5`)
    }
  }
  return { task: "run", minutes, seed }
}

const refuse = (what: string): Arguments => ({
  task: "refuse",
  message: `${what}: see npm run chaos -- --help`,
})
