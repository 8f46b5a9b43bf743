/** What a person reads when the embedded run is up: where everything is, what it uses, what to try next. */

export interface Welcome {
  readonly host: string
  readonly port: number
  readonly internalPort: number
  readonly dataDir: string
  readonly queueUrl: string
  readonly seconds: number
}

const queueName = (queueUrl: string): string => {
  const { protocol, host } = new URL(queueUrl)
  if (protocol === "memory:") {
    return "in memory (no redis-server on the PATH; orders survive a restart all the same)"
  }
  return `${protocol.startsWith("http") ? "Redis over REST" : "Redis Streams"} at ${host}`
}

export const welcome = (
  { host, port, internalPort, dataDir, queueUrl, seconds }: Welcome,
): string => {
  const base = `http://${host === "0.0.0.0" ? "localhost" : host}:${port}`
  const internal = `http://127.0.0.1:${internalPort}`
  const json = `-H 'content-type: application/json'`
  return `
Unwind is up after ${seconds.toFixed(1)} s, with all services in this process.

  API      ${base}/docs (every path, to read and to try)
  Health   ${internal}/readyz (from this machine only)
  Metrics  ${internal}/metrics
  Data     ${dataDir} (PostgreSQL, one database for each service)
  Queue    ${queueName(queueUrl)}

Try, in another terminal:

  npm run demo${port === 8080 ? "" : ` -- --base-url ${base}`}
  curl ${base}/api/auth/users/ ${json} -d '{"username":"ada","password":"correct horse battery","email":"ada@example.com"}'
  curl ${base}/api/token/ ${json} -d '{"username":"ada","password":"correct horse battery"}'

Ctrl-C stops it.
`
}
