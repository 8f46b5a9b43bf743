/**
 * A note in the data folder of where the services are that are elsewhere: the records there are not
 * all, and whoever looks into the folder need not be told again where the others are.
 */
import { Effect, Option, Schema } from "effect"
import { join } from "node:path"
import { addressName } from "#shared/config/addresses.ts"
import type { Environment } from "#shared/config/settings.ts"
import { type ServiceName, serviceNames } from "#shared/roster.ts"
import { readIfThere, writeWhole } from "#shared/whole-file.ts"
import { isSet } from "./elsewhere.ts"
import { inDataFolder, type StartError } from "./start-error.ts"

type Variables = typeof Environment["Service"]

const noteIn = (dataDir: string) => join(dataDir, "elsewhere.json")

/** Notes the addresses in the place of those that were noted before. Fails with StartError. */
export const noteAddresses = (
  dataDir: string,
  urls: ReadonlyMap<ServiceName, URL>,
): Effect.Effect<void, StartError> => {
  const note = Object.fromEntries([...urls].map(([name, { href }]) => [addressName(name), href]))
  return inDataFolder(dataDir, () => writeWhole(noteIn(dataDir), JSON.stringify(note), 0o644))
}

const decodeNote = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Record(Schema.String, Schema.String)),
)

/** The environment, and the addresses that are noted where it says none. Fails with StartError. */
export const withNotedAddresses = (
  dataDir: string,
  environment: Variables,
): Effect.Effect<Variables, StartError> =>
  Effect.map(
    inDataFolder(dataDir, () => decodeNote(readIfThere(noteIn(dataDir)))),
    (decoded) => {
      const note: Variables = Option.getOrElse(decoded, () => ({}))
      const missing = serviceNames.filter((name) => !isSet(environment, name)).map(addressName)
      return { ...environment, ...Object.fromEntries(missing.map((name) => [name, note[name]])) }
    },
  )
