/**
 * Records the addresses of services elsewhere in the data folder, which does not hold all records.
 * So programs that read the folder find the others without being told again.
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

/** Records the addresses, and replaces earlier ones. Fails with StartError. */
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

/** The environment, with recorded addresses where it sets none. Fails with StartError. */
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
