/** The audit's command line: whether it heals, and how it tells what it found. */
import { addressSettings } from "#services/orchestrator/settings.ts"
import { participantNames } from "#shared/contracts/order-saga.ts"

export type Arguments =
  | { readonly task: "run"; readonly heal: boolean; readonly json: boolean }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

export const help = `Usage: npm run audit [-- --heal] [--json]

Joins what is on record of each order at these services, and checks the books of all that can be
reserved: ${[...participantNames, "orders"].join(", ")}.

Where ${Object.keys(addressSettings).join(", ")}
are set (as in the orchestrator's container) it asks the services, with the orchestrator's key; else
it reads the data folder of npm start (DATA_DIR), whether that runs or not, and whichever version
made it. It goes on without those that are away, and names them.

  --heal   give back what is held for failed orders and for none; safe while orders are running.
           Without it, nothing is changed
  --json   a line of JSON for each finding, and one for the sums
  --help   show this

Exits with 0 when nothing is wrong (any more), with 1 when a person has to look, and with 2 when it
cannot tell, since a part is missing.`

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  if (words.some((word) => word === "--help" || word === "-h")) return { task: "help" }
  const unknown = words.find((word) => word !== "--heal" && word !== "--json")
  if (unknown !== undefined) {
    return {
      task: "refuse",
      message: `The audit does not know ${JSON.stringify(unknown)}: see npm run audit -- --help`,
    }
  }
  return { task: "run", heal: words.includes("--heal"), json: words.includes("--json") }
}
