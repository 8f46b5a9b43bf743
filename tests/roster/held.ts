/**
 * What the roster says about a service, in the words of files that cannot read it, and how a file
 * is compared with that.
 */
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { provesUsers, type Row } from "#shared/roster.ts"
import { type Selector, selects } from "../k3d/system.ts"

export type Rows = Readonly<Record<string, Row>>

/** A file, and its differences from the roster, a line for each; empty if there are none. */
export interface Held {
  readonly file: string
  readonly wrong: ReadonlyArray<string>
}

const root = join(import.meta.dirname, "../..")

export const isThere = (file: string): boolean => existsSync(join(root, file))

/** The text of a file; empty if there is no such file, which then lacks everything. */
export const textOf = (file: string): string =>
  isThere(file) ? readFileSync(join(root, file), "utf8") : ""

/** What one list lacks of another, and has beyond it. */
export const differences = (
  what: string,
  wanted: ReadonlyArray<string>,
  found: ReadonlyArray<string>,
): ReadonlyArray<string> => [
  ...wanted.filter((one) => !found.includes(one)).map((one) => `${what} lacks ${one}`),
  ...found.filter((one) => !wanted.includes(one)).map((one) => `${what} has ${one}: what for?`),
]

export const namesOf = (rows: Rows, has: (row: Row) => boolean = () => true) =>
  Object.entries(rows).filter(([, row]) => has(row)).map(([name]) => name)

export const isPublic = ({ paths }: Row) => paths.length > 0

/** The callers of a service, with a token of their own or for auth's public keys. */
export const callersOf = (rows: Rows, callee: string): ReadonlyArray<string> =>
  namesOf(rows).filter((name) =>
    rows[name]!.calls.includes(callee) || (callee === "auth" && provesUsers(rows, name))
  )

/** Where other services find a service, if no setting says otherwise. */
export const urlOf = (rows: Rows, name: string) => `http://${name}:${rows[name]?.internalPort}`

/** The settings of a service that say where others are, and where its secrets are. */
export const settingsOf = (rows: Rows, name: string): Readonly<Record<string, string>> => {
  const { port, internalPort, database, redis, calls } = rows[name]!
  const isCalled = Object.values(rows).some((row) => row.calls.includes(name))
  return {
    ...(port !== null && { PORT: `${port}` }),
    INTERNAL_PORT: `${internalPort}`,
    ...(database && { DATABASE_URL_FILE: "/run/secrets/database-url" }),
    ...(redis === "queue" && { QUEUE_URL_FILE: "/run/secrets/queue-url" }),
    ...(redis === "queue" && { QUEUE_TOKEN_FILE: "/run/secrets/queue-token" }),
    ...(redis === "counters" && { RATE_LIMIT_URL_FILE: "/run/secrets/rate-limit-url" }),
    ...(calls.length > 0 && { SERVICE_PRIVATE_KEY: "/run/secrets/private-key.json" }),
    ...(isCalled && { SERVICE_PUBLIC_KEYS: "/run/secrets/services.public.json" }),
    ...(provesUsers(rows, name) && { JWKS_URL: `${urlOf(rows, "auth")}/internal/jwks.json` }),
    ...(name === "auth" && { SIGNING_KEYS_SECRET_FILE: "/run/secrets/signing-keys.secret" }),
  }
}

/** Which of a service's settings are missing or different, and which only repeat the default. */
export const wrongSettings = (
  rows: Rows,
  name: string,
  what: string,
  found: Readonly<Record<string, unknown>>,
): ReadonlyArray<string> => [
  ...Object.entries(settingsOf(rows, name)).filter(([name, value]) => `${found[name]}` !== value)
    .map(([name, value]) => `${what} lacks ${name}: ${value}`),
  ...rows[name]!.calls.filter((callee) =>
    found[`${callee.toUpperCase()}_URL`] === urlOf(rows, callee)
  ).map((callee) => `${what} has ${callee.toUpperCase()}_URL: what for? It is the default`),
]

/** The labels of a service's pods, by which the network policies match them. */
export const labelsOf = (rows: Rows, name: string): Readonly<Record<string, string>> => ({
  "app.kubernetes.io/name": name,
  ...(provesUsers(rows, name) && { "unwind/auth": "client" }),
  ...(rows[name]!.database && { "unwind/postgres": "client" }),
  ...(rows[name]!.redis !== null && { "unwind/redis": "client" }),
})

/** The services that a selector of pods matches. */
export const meantBy = (rows: Rows, selector: Selector): ReadonlyArray<string> =>
  namesOf(rows).filter((name) => selects(selector, labelsOf(rows, name)))
