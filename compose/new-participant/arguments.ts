/** The command line of `npm run new:participant`. */
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { isMade } from "./earlier-run.ts"
import { wrongIn } from "./names.ts"
import { type Balance, balances, type Wanted } from "./participant.ts"

export interface NewParticipantOptions extends Wanted {
  readonly dryRun: boolean
}

const isBalance = (word: string): word is Balance => balances.some((one) => one === word)

export const newParticipantSyntax = syntax({
  call: "npm run new:participant",
  usage: "-- NAME --resource WORD [--table WORD]\n[--balance capacity|stock] [--dry-run]",
  about:
    `Creates a participant of the order saga: the folder services/NAME, its row in shared/roster.ts, its
settings, and its entries in the manifests of Compose and Kubernetes. An order reserves one of what
--resource names. Prints the two edits that are left to you: the row of the saga, and the field of
the order. Run again, it changes nothing, and prints the edits that are still left.`,
  options: {
    resource: {
      type: "string",
      value: "WORD",
      says: "what an order reserves one of, such as district: the key of its table",
    },
    table: {
      type: "string",
      value: "WORD",
      says: "its table (default: the plural of the resource)",
    },
    balance: {
      type: "string",
      value: "WORD",
      says: "what is counted of each, capacity (the default) or stock",
    },
    "dry-run": { type: "boolean", says: "print what would be written, and write nothing" },
  },
  closing:
    `Exits with 0 when everything is written. Otherwise it writes nothing and says why: it exits with 2
when a name or an option cannot be used, and with 1 when a file is not what it has to be.`,
  words: { least: 1, most: 1, what: "one NAME, such as courier" },
  read: (
    { resource, table, balance = "capacity", "dry-run": dryRun = false },
    [name = ""],
  ): NewParticipantOptions => {
    if (resource === undefined) throw new Misused("It needs --resource, such as district")
    if (!isBalance(balance)) {
      throw new Misused(
        `--balance must be ${balances.join(" or ")}, not ${JSON.stringify(balance)}`,
      )
    }
    const wanted: Wanted = { name, resource, balance, ...(table !== undefined && { table }) }
    const wrong = isMade(wanted) ? undefined : wrongIn(wanted)
    if (wrong !== undefined) throw new Misused(wrong)
    return { ...wanted, dryRun }
  },
})
