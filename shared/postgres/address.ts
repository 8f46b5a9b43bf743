/**
 * The address of a database, the user and the connection's parameters, from one URL. The parameters
 * of libpq's connection URIs that hosted providers use are supported, or refused by name with a
 * remedy. All others are PostgreSQL settings, which every session gets (session.ts).
 */
import { Result } from "effect"
import { isFixed } from "./session.ts"
import { type Tls, tlsOf } from "./tls.ts"

export interface DatabaseAddress {
  readonly host: string
  readonly port: number
  /** The Unix socket, if it is one. */
  readonly path: string | undefined
  readonly user: string | undefined
  readonly password: string | undefined
  readonly database: string | undefined
  /** Undefined for plain text. */
  readonly tls: Tls | undefined
  readonly connectTimeoutMs: number
  /**
   * What a proxy in front of the server reads from the startup message; settings are sent later.
   */
  readonly startupOptions: string | undefined
  /** PostgreSQL settings by name, in lower case. */
  readonly settings: ReadonlyMap<string, string>
}

/** Everything that is wrong with an address, with remedies. */
export type Problems = ReadonlyArray<string>

/** Reads a URL with the scheme postgres: or postgresql:. */
export const addressOf = (url: URL): Result.Result<DatabaseAddress, Problems> => {
  const problems: Array<string> = []
  const decoded = (part: string) => {
    const text = decode(part)
    if (text === undefined) problems.push("a % in it encodes no character: write it as %25")
    return text || undefined
  }
  const given = new Map<string, string>()
  for (const [name, value] of url.searchParams) given.set(name.trim().toLowerCase(), value)
  const take = (name: string) => {
    const value = given.get(name)
    given.delete(name)
    return value || undefined
  }
  const host = take("host") ?? decoded(url.hostname.replace(/^\[(.*)\]$/, "$1")) ?? "localhost"
  if (host.includes(",")) {
    problems.push("it names several hosts: name the one address of the primary")
  }
  const port = whole(take("port") ?? (url.port || "5432"), 65_535)
  if (port === undefined) problems.push("port is not a TCP port: use a number from 1 to 65535")
  const seconds = whole(take("connect_timeout") ?? "5", 3600)
  if (seconds === undefined) {
    problems.push("connect_timeout is not a time: use whole seconds, from 1 to 3600")
  }
  const tls = tlsOf(take, problems)
  for (const [name, { accepts, otherwise }] of Object.entries(understood)) {
    const value = take(name)?.toLowerCase()
    if (value !== undefined && !accepts.includes(value)) {
      problems.push(`${name}=${value}: ${otherwise}`)
    }
  }
  const { settings, rest } = settingsIn(take("options") ?? "")
  const fallbackName = take("fallback_application_name")
  if (fallbackName !== undefined) settings.set("application_name", fallbackName)
  const address: DatabaseAddress = {
    host,
    port: port ?? 5432,
    path: host.startsWith("/") ? `${host}/.s.PGSQL.${port}` : undefined,
    user: take("user") ?? decoded(url.username),
    password: take("password") ?? decoded(url.password),
    database: take("dbname") ?? decoded(url.pathname.slice(1)),
    tls,
    connectTimeoutMs: (seconds ?? 5) * 1000,
    startupOptions: rest,
    settings: new Map([...settings, ...given]),
  }
  for (const name of address.settings.keys()) {
    if (isFixed(name)) problems.push(`${name} is set by the service itself: remove it`)
  }
  return problems.length > 0 ? Result.fail([...new Set(problems)]) : Result.succeed(address)
}

/** Parameters whose accepted values change nothing here. */
const understood: Readonly<
  Record<string, { readonly accepts: ReadonlyArray<string>; readonly otherwise: string }>
> = {
  channel_binding: {
    accepts: ["disable", "prefer"],
    otherwise: "channel binding is not supported: remove it, and have the server's certificate " +
      "checked with sslmode=verify-full",
  },
  client_encoding: {
    accepts: ["utf8", "utf-8", "unicode", "auto"],
    otherwise: "texts are UTF-8: remove it",
  },
  gssencmode: {
    accepts: ["disable", "prefer"],
    otherwise: "GSSAPI is not supported: use sslmode=verify-full instead",
  },
  sslcompression: { accepts: ["0"], otherwise: "compression is not supported: remove it" },
  target_session_attrs: {
    accepts: ["any", "read-write", "primary"],
    otherwise: "only a writable server is used: remove it",
  },
}

const decode = (part: string): string | undefined => {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

const whole = (text: string, maximum: number): number | undefined => {
  const number = /^\d+$/.test(text) ? Number(text) : 0
  return number >= 1 && number <= maximum ? number : undefined
}

/**
 * The settings in the server's command line options (-c name=value, --name=value), and the other
 * words.
 */
const settingsIn = (options: string) => {
  const settings = new Map<string, string>()
  const rest: Array<string> = []
  // Blanks separate words; a backslash escapes the next character.
  const words = options.match(/(?:\\.|[^\s\\])+/gs) ?? []
  while (words.length > 0) {
    const word = words.shift()!
    const assignment = word === "-c" ? words.shift() ?? "" : word.replace(/^(-c|--)(?=.)/, "")
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(assignment.replace(/\\(.)/gs, "$1")) ?? []
    if (assignment === word || name === undefined) rest.push(word)
    else settings.set(name.replaceAll("-", "_").toLowerCase(), value!)
  }
  return { settings, rest: rest.join(" ") || undefined }
}
