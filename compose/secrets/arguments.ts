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
    `Checks the settings that all containers are given, and makes the secrets that are missing in the
folder: /secrets where none is named.`,
  options: {
    renew: { type: "string", value: "KIND", says: `make these anew: ${kinds.join(", ")}` },
  },
  closing: "Exits with 0, and with 1 when a setting is wrong or the folder cannot be written.",
  words: { least: 0, most: 1, what: "one folder" },
  read: ({ renew }, [folder = "/secrets"]): SecretsOptions => ({
    folder,
    renew: renew === undefined ? undefined : oneOf("--renew", renew, kinds),
  }),
})
