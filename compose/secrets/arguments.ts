/** The command line of the container that makes the secrets. */
import { syntax } from "#shared/command/syntax.ts"
import { oneOf } from "#shared/command/values.ts"
import { type Kind, kinds } from "./renew.ts"

export interface SecretsOptions {
  readonly folder: string
  readonly renew: Kind | undefined
}

export const secretsSyntax = syntax({
  call: "node compose/secrets/main.ts",
  usage: `[--renew ${kinds.join("|")}] [FOLDER]`,
  about:
    `Checks the settings of all containers, and makes the missing secrets in the folder (default:
/secrets).`,
  options: {
    renew: { type: "string", value: "KIND", says: `replace these: ${kinds.join(", ")}` },
  },
  closing: "Exits with 0, or with 1 when a setting is wrong or the folder cannot be written.",
  words: { least: 0, most: 1, what: "one folder" },
  read: ({ renew }, [folder = "/secrets"]): SecretsOptions => ({
    folder,
    renew: renew === undefined ? undefined : oneOf("--renew", renew, kinds),
  }),
})
