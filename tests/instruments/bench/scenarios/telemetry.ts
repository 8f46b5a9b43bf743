/**
 * The cost of sending traces, metrics and logs: the embedded run with and without them, in turn.
 */
import { Effect } from "effect"
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import type { Hall } from "../hall.ts"
import { inTurn } from "../rounds.ts"
import { atLeast, rateOf, type Row } from "../row.ts"
import { embeddedSubject, startEmbedded } from "../stand/embedded.ts"
import { throwAwayFolder } from "../stand/ground.ts"
import { decidePosted } from "../work/decide-posted.ts"

const leastPart = 0.9

export const telemetry = Effect.fnUntraced(function* (hall: Hall) {
  yield* hall.park.clear
  const collector = yield* startCollector
  const without = yield* subjectWith(hall, {})
  const sending = yield* subjectWith(hall, {
    LOG_LEVEL: "Info",
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  })
  const { orders } = hall.given
  const [off, on] = yield* inTurn(hall, [
    { name: "  telemetry off", orders, run: (count) => decidePosted(without, count) },
    { name: "telemetry", orders, run: (count) => decidePosted(sending, count) },
  ])
  const part = rateOf(on!) / rateOf(off!)
  const goals = [
    atLeast("of the rate without telemetry", part, leastPart),
    atLeast("requests to the collector", collector.requests(), 1),
  ]
  return [{ ...on!, goals }, { ...off!, goals: [] }] as ReadonlyArray<Row>
})

const subjectWith = Effect.fnUntraced(
  function* (hall: Hall, settings: Readonly<Record<string, string>>) {
    const dataDir = yield* throwAwayFolder
    const options = { dataDir, runtime: hall.runtime, queueUrl: "memory:", settings }
    return yield* Effect.flatMap(startEmbedded(hall.ground, options), embeddedSubject)
  },
)

/** A collector that accepts everything and keeps nothing, until the scope closes. */
const startCollector = Effect.gen(function* () {
  let requests = 0
  const server = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const server = createServer((request, response) => {
        requests++
        request.resume().on("end", () => response.end("{}"))
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      return server
    }),
    (server) =>
      Effect.sync(() => {
        server.closeAllConnections()
        server.close()
      }),
  )
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, requests: () => requests }
})
