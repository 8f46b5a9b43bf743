/**
 * The customers of an end-to-end run, as one process that costs as little as possible: raw sockets
 * that stay open, requests that are built once, and answers of which only the status is read. Its
 * argument is a `Load` as JSON. It prints "ready" when it is connected, begins when it reads "go",
 * and then prints a `LoadResult` as JSON.
 */
import { randomUUID } from "node:crypto"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { customerOf, wishOf } from "../work/workload.ts"
import { answerReader } from "./answer-reader.ts"
import type { Load, LoadResult } from "./load.ts"

const load = JSON.parse(process.argv[2] ?? "{}") as Load

const headOf = (n: number, port: number): string =>
  `POST /api/orders/ HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n` +
  `${load.customers[customerOf(n, load.customers.length)]}\r\n` +
  (load.waitSeconds === undefined ? "" : `prefer: wait=${load.waitSeconds}\r\n`)

const bodyOf = (n: number): string => {
  const { amountMinor, item, slot } = wishOf(n, load.shape)
  const body = JSON.stringify({ amount: amountMinor / 100, item, slot })
  return `content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`
}

/** The number of different requests; after them, wishes and customers repeat. */
const different = Math.min(load.orders, 100 * load.customers.length)
const requests = load.doors.map((port) =>
  Array.from({ length: different }, (_, n) => [headOf(n, port), bodyOf(n)] as const)
)
const wholeRequests = requests.map((those) => those.map((parts) => Buffer.from(parts.join(""))))

const requestOf = (n: number, door: number): Buffer | string => {
  if (!load.keys) return wholeRequests[door]![n % different]!
  const [head, body] = requests[door]![n % different]!
  return `${head}idempotency-key: ${keyPrefix}-${n}\r\n${body}`
}
const keyPrefix = randomUUID()

const latenciesMs = new Float64Array(load.orders)
const statuses: Record<string, number> = {}
let firstFailure = ""
let next = 0
let done = 0
let finish = () => {}

/** Sends one order after another on one connection. In an open loop, each waits until its time. */
const work = (socket: Socket, door: number, startedAtMs: number) => {
  const perMs = (load.perSecond ?? 0) / 1000
  let n = 0
  let sentAtMs = 0
  const send = () => {
    if (next >= load.orders) return
    n = next++
    const dueAtMs = perMs > 0 ? startedAtMs + n / perMs : performance.now()
    const earlyMs = dueAtMs - performance.now()
    if (earlyMs > 1) setTimeout(write, earlyMs, dueAtMs)
    else write(dueAtMs)
  }
  const write = (dueAtMs: number) => {
    // Counted from the time when it was due: a slow server makes the next orders wait, too.
    sentAtMs = dueAtMs
    socket.write(requestOf(n, door))
  }
  const read = answerReader((status, text) => {
    latenciesMs[n] = performance.now() - sentAtMs
    statuses[status] = (statuses[status] ?? 0) + 1
    if (load.again && (status === 429 || status === 503)) return socket.write(requestOf(n, door))
    if (status !== 201 && status !== 200 && firstFailure === "") {
      firstFailure = `${status}: ${text.slice(-300)}`
    }
    if (++done === load.orders) finish()
    send()
  })
  socket.on("data", read)
  send()
}

const open = async (n: number) => {
  const door = n % load.doors.length
  const socket = connect(load.doors[door]!, "127.0.0.1").setNoDelay(true)
  await once(socket, "connect")
  const cut = () => {
    if (done < load.orders) throw new Error("a connection was closed by the server")
  }
  socket.on("close", cut)
  return { socket, door }
}

const percentile = (sorted: Float64Array, part: number) =>
  sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0

const connections = await Promise.all(Array.from({ length: load.connections }, (_, n) => open(n)))
console.log("ready")
await once(process.stdin, "data")
const startedAtMs = performance.now()
await new Promise<void>((resolve) => {
  finish = resolve
  for (const { socket, door } of connections) work(socket, door, startedAtMs)
})
const endedAtMs = performance.now()
const sorted = latenciesMs.sort()
const result: LoadResult = {
  startedAtMs: performance.timeOrigin + startedAtMs,
  endedAtMs: performance.timeOrigin + endedAtMs,
  p50Ms: percentile(sorted, 0.5),
  p99Ms: percentile(sorted, 0.99),
  statuses,
  firstFailure,
}
console.log(JSON.stringify(result))
// Its processor time can be read only as long as it exists.
await once(process.stdin, "close")
process.exit()
