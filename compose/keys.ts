/**
 * `npm run keys -- FOLDER`: makes the key files that SERVICE_PRIVATE_KEY, SERVICE_PUBLIC_KEYS and
 * SIGNING_KEYS_SECRET_FILE name. `npm run keys -- --rotate`: removes the signing keys of users'
 * tokens and makes a new one, at once.
 */
import { Console, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { syntax } from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
import { generateServiceKeys } from "#shared/security/generate-service-keys.ts"
import { rotateSigningKeys } from "./rotate-signing-keys.ts"

type Task = { readonly task: "make"; readonly folder: string } | { readonly task: "rotate" }

export const keysSyntax = syntax({
  call: "npm run keys",
  usage: "-- FOLDER\n-- --rotate",
  about: `Makes the keys of all services, as SERVICE_PRIVATE_KEY, SERVICE_PUBLIC_KEYS and
SIGNING_KEYS_SECRET_FILE name them, in a folder such as .keys; existing files stay.`,
  options: {
    rotate: {
      type: "boolean",
      says: "in an emergency: remove the keys that sign users' tokens, and make a new one; " +
        "everybody has to log in again (docs/keys.md)",
    },
  },
  closing: "Exits with 0, or with 1 on failure.",
  words: { least: 0, most: 1, what: "one folder" },
  read: ({ rotate = false }, [folder]): Task => {
    if (rotate && folder !== undefined) throw new Misused("--rotate takes no folder")
    if (rotate) return { task: "rotate" }
    if (!folder) throw new Misused("It needs a folder, such as .keys")
    return { task: "make", folder }
  },
})

const make = (folder: string) =>
  Effect.tryPromise({
    try: () => generateServiceKeys(folder),
    catch: (error) => ({
      message: `The keys cannot be written to ${folder}: ${(error as Error).message}. ` +
        "Name a writable folder",
    }),
  }).pipe(Effect.andThen(Console.log(`The services' keys are in ${folder}`)))

export const keys = command(
  keysSyntax,
  (given) => given.task === "rotate" ? rotateSigningKeys(process.env) : make(given.folder),
)
