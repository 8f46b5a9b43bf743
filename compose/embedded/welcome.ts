/**
 * What a person reads when the embedded run is up: where everything is, what it uses, what to try
 * next.
 */

export interface Welcome {
  readonly host: string
  readonly port: number
  readonly internalPort: number
  readonly dataDir: string
  readonly queueUrl: string
  /** Where the services are that are not in this process, by their names. */
  readonly elsewhere: ReadonlyMap<string, URL>
  readonly signInToken: string
  readonly seconds: number
}

/**
 * Behind the "#", what follows is sent to no server and stands in no log of one; the page there
 * exchanges it. Only where the system listens on loopback can it be good.
 */
const signIn = ({ host, port, signInToken }: Welcome): string =>
  ["127.0.0.1", "localhost", "0.0.0.0", "::"].includes(host)
    ? `http://127.0.0.1:${port}/console#sign-in=${signInToken} (once, on this machine, for an hour)`
    : "npm run operators -- grant NAME (who has signed up)"

const queueName = (queueUrl: string): string => {
  const { protocol, host } = new URL(queueUrl)
  if (protocol === "memory:") {
    return "in memory (no redis-server on the PATH; orders survive a restart all the same)"
  }
  return `${protocol.startsWith("http") ? "Redis over REST" : "Redis Streams"} at ${host}`
}

/** Whether it answers is not said: it may be away now, and come. */
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

  API      ${base}/docs (every path, to read and to try)
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
