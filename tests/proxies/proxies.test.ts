/**
 * Real proxies in front of real servers: no request fails, however long a connection was idle and
 * whenever a server is replaced. A long run replaces each server three times, with all defaults.
 */
import { connect } from "node:net"
import { setTimeout as pause } from "node:timers/promises"
import { describe, expect, it } from "vitest"
import { freePort, freePorts } from "#tests/support/free-port.ts"
import { keepAsking, type Outcome } from "./clients.ts"
import { atLength } from "#tests/support/length.ts"
import {
  missing,
  type Program,
  startGateway,
  startHaproxy,
  startPlainNginx,
  startReplica,
} from "./programs.ts"
import type { Ports } from "#tests/support/service-process.ts"

const rounds = atLength(0, 3)
const isShort = rounds === 0
/**
 * Shorter than usual, but longer than the gateway keeps idle connections (4 s); so HAProxy checks
 * more often.
 */
const hurried = { settings: { DRAIN: "6 seconds" }, check: "inter 300ms" }
const { settings, check } = isShort ? hurried : { settings: {}, check: "" }

/** Runs a test that starts programs, and stops them. */
const withPrograms =
  (test: (started: <P extends Program>(starting: Promise<P>) => Promise<P>) => Promise<void>) =>
  async () => {
    const programs: Array<Program> = []
    try {
      await test(async (starting) => {
        const program = await starting
        programs.push(program)
        return program
      })
    } finally {
      await Promise.all(programs.map(({ stop }) => stop()))
    }
  }

/** From 0 to 12 seconds. */
const gapsMs = Array.from({ length: 25 }, (_, n) => n * 500)

/**
 * Sends two requests on one socket with a pause between; resolves with the answers until it was
 * closed or done.
 */
const askTwice = (port: number, gapMs: number) =>
  new Promise<number>((resolve, reject) => {
    const socket = connect(port, "127.0.0.1").setEncoding("utf8")
    let answers = 0
    socket.on("error", reject).on("close", () => resolve(answers))
    socket.on("data", (text) => {
      answers += String(text).split("HTTP/1.1 200 OK").length - 1
      if (answers === 2) socket.end()
      else pause(gapMs).then(() => socket.write(ask))
    })
    const ask = "GET /api/orders/1 HTTP/1.1\r\nhost: x\r\n\r\n"
    socket.write(ask)
  })

/** Only long runs try Deno; its HTTP server is the same. */
const runtimes = isShort ? ["node"] as const : ["node", "deno"] as const
const title = missing.length === 0 ? "" : ` (skipped: ${missing.join(" and ")} not installed)`

// In parallel, because nearly all of the time is idle.
describe.concurrent.each(runtimes)("behind proxies, a server on %s", (runtime) => {
  it(
    "answers on a connection that was idle for any time from 0 to 12 seconds",
    withPrograms(async (started) => {
      const ports = await freePorts()
      await started(startReplica(runtime, ports, settings))
      expect(await Promise.all(gapsMs.map((gapMs) => askTwice(ports.public, gapMs)))).toEqual(
        gapsMs.map(() => 2),
      )
    }),
  )

  it.skipIf(missing.length > 0)(
    `loses no request at any of these pauses${title}`,
    withPrograms(async (started) => {
      const [replica, haproxy, nginx] = [await freePorts(), await freePort(), await freePort()]
      await started(startReplica(runtime, replica, settings))
      const paths = gapsMs.map((gapMs) => `/api/orders/${gapMs}`)
      await started(startHaproxy(haproxy, [replica], { reuse: "never", check }))
      await started(startPlainNginx(nginx, replica.public, paths))
      const outcome: Outcome = { requests: 0, failed: [] }
      const over = AbortSignal.timeout(13_000)
      await Promise.all(
        [haproxy, nginx].flatMap((port) =>
          gapsMs.map((gapMs, n) =>
            keepAsking(outcome, {
              port,
              gapMs: Math.max(gapMs, 20),
              what: [["GET", paths[n]!]],
              over,
            })
          )
        ),
      )
      expect(outcome.failed).toEqual([])
      expect(outcome.requests).toBeGreaterThan(200)
    }),
  )

  it.skipIf(missing.length > 0)(
    `loses no request while it is replaced under load${title}`,
    withPrograms(async (started) => {
      const ports = [await freePorts(), await freePorts()]
      const start = (at: Ports) => started(startReplica(runtime, at, settings))
      const replicas = await Promise.all(ports.map(start))
      const [haproxy, nginx] = [await freePort(), await freePort()]
      await started(startHaproxy(haproxy, ports, { reuse: "safe", check }))
      // All clients have one address here, whose rate is not tested.
      const rate = { GATEWAY_REQUESTS_PER_SECOND: "100000" }
      await started(startGateway(nginx, ports.map((at) => at.public), { settings: rate }))
      const outcome: Outcome = { requests: 0, failed: [] }
      const over = new AbortController()
      const get = ["GET", "/api/orders/1"] as const
      const both = [["POST", "/api/orders/"], get] as const
      const keep = (port: number, gapMs: number, what: typeof both | readonly [typeof get]) =>
        keepAsking(outcome, { port, gapMs: Math.max(gapMs, 20), what, over: over.signal })
      // nginx does not check readiness: it learns of a closed port by a failed request, and then
      // sends a GET elsewhere.
      const clients = [...gapsMs, 10, 10, 10, 10].flatMap((gapMs) => [
        keep(haproxy, gapMs, both),
        keep(nginx, gapMs, [get]),
      ])
      for (let round = 0; round < Math.max(rounds, 1); round++) {
        for (const [n, at] of ports.entries()) {
          expect(await replicas[n]!.stop()).toBe(0)
          replicas[n] = await start(at)
          // HAProxy uses a server again after two successful checks.
          await pause(isShort ? 1_000 : 5_000)
        }
      }
      over.abort()
      await Promise.all(clients)
      expect(outcome.failed).toEqual([])
      expect(outcome.requests).toBeGreaterThan(500)
    }),
  )
})
