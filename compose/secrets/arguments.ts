/** The command line of the container that makes the secrets. */
import { parseArgs } from "node:util"
import { type Kind, kinds } from "./renew.ts"

export type Arguments =
  | { readonly task: "run"; readonly folder: string; readonly renew: Kind | undefined }
  | { readonly task: "refuse"; readonly message: string }

const usage = `Usage: compose/secrets/main.ts [--renew ${kinds.join("|")}] [FOLDER]`

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  const refuse = { task: "refuse" as const, message: usage }
  try {
    const { values: { renew }, positionals: [folder = "/secrets", ...more] } = parseArgs({
      args: [...words],
      options: { renew: { type: "string" } },
      allowPositionals: true,
    })
    const kind = kinds.find((one) => one === renew)
    if (more.length > 0 || (renew !== undefined && kind === undefined)) return refuse
    return { task: "run", folder, renew: kind }
  } catch {
    return refuse
  }
}
