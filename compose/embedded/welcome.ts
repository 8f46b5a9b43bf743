/**
 * The text when the embedded run is up: its addresses, what it uses, and what to try next.
 */

export interface Welcome {
  readonly host: string
  readonly port: number
  readonly internalPort: number
  readonly dataDir: string
  readonly queueUrl: string
  /** The addresses of the services that are not in this process, by name. */
  readonly elsewhere: ReadonlyMap<string, URL>
  readonly signInToken: string
  readonly seconds: number
}

/**
 * A browser sends no part after the "#" to a server, so the token is in no log; the page exchanges
 * it. It works only if the system listens on loopback.
 */
const signIn = ({ host, port, signInToken }: Welcome): string =>
  ["127.0.0.1", "localhost", "0.0.0.0", "::"].includes(host)
    ? `http://127.0.0.1:${port}/console#sign-in=${signInToken} (once, on this machine, for an hour)`
    : "npm run operators -- grant NAME (a user who has signed up)"

const queueName = (queueUrl: string): string => {
  const { protocol, host } = new URL(queueUrl)
  if (protocol === "memory:") {
    return "in memory (no redis-server on the PATH; orders survive a restart anyway)"
  }
  return `${protocol.startsWith("http") ? "Redis over REST" : "Redis Streams"} at ${host}`
}

/** Does not say whether a service answers: it may start later. */
const others = (elsewhere: Welcome["elsewhere"]): string =>
  [...elsewhere].map(([name, { href }]) =>
    `\n  ${name.padEnd(8)} ${href} (called there, not started; Health says whether it is ready)`
  ).join("")

export const welcome = (given: Welcome): string => {
  const { host, port, internalPort, dataDir, queueUrl, elsewhere, seconds } = given
  const base = `http://${host === "0.0.0.0" ? "localhost" : host}:${port}`
  const internal = `http://127.0.0.1:${internalPort}`
  const json = `-H 'content-type: application/json'`
  return `
Unwind is up after ${seconds.toFixed(1)} s, with all${
    elsewhere.size === 0 ? "" : " other"
  } services in this process.

  API      ${base}/docs (all routes, to read and to try)
  Console  ${signIn(given)}
  Shop     ${base}/console (for customers: a saga, drawn as it happens)
  Health   ${internal}/readyz (from this machine only)
  Metrics  ${internal}/metrics
  Data     ${dataDir} (PostgreSQL, one database for each service)
  Queue    ${queueName(queueUrl)}${others(elsewhere)}

Try, in another terminal:

  npm run demo${port === 8080 ? "" : ` -- --base-url ${base}`}
  curl ${base}/api/auth/users/ ${json} -d '{"username":"ada","password":"correct horse battery","email":"ada@example.com"}'
  curl ${base}/api/token/ ${json} -d '{"username":"ada","password":"correct horse battery"}'

Ctrl-C stops it.
`
}
