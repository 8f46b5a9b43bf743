/**
 * The gateway of Compose, with a real nginx: what one address may request, TLS, and the answer when
 * a service is full.
 */
import { once } from "node:events"
import { createServer, request as httpRequest } from "node:http"
import { request as httpsRequest } from "node:https"
import { connect } from "node:net"
import { afterEach, describe, expect, it } from "vitest"
import { freePort, freePorts } from "#tests/support/free-port.ts"
import { missing, startGateway, startReplica } from "./programs.ts"

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const gateway = async (replica: number, options?: Parameters<typeof startGateway>[2]) => {
  const port = await freePort()
  const program = await startGateway(port, [replica], options)
  cleanups.push(program.stop)
  return port
}

/** A service that answers at once, or never if told to wait; returns its port. */
const service = async () => {
  const server = createServer((request, response) => {
    if (request.url !== "/api/orders/waits") response.end("here")
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  cleanups.push(() => server.close(), () => server.closeAllConnections())
  return (server.address() as { port: number }).port
}

interface Asked {
  readonly from?: string
  readonly path?: string
  /** Over TLS, with the certificates that this root signed. */
  readonly tls?: boolean
  readonly host?: string
}

const ask = (port: number, { from, path = "/api/orders/1", tls, host }: Asked = {}) =>
  new Promise<{
    readonly status: number
    readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>
    readonly text: string
  }>((resolve, reject) => {
    const options = {
      ...{ host: "127.0.0.1", port, path, agent: false, rejectUnauthorized: false },
      ...(from && { localAddress: from }),
      headers: host === undefined ? {} : { host },
    }
    const sent = (tls ? httpsRequest : httpRequest)(options, (response) => {
      let text = ""
      response.setEncoding("utf8").on("data", (part) => text += part)
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    }).on("error", reject)
    sent.end()
  })

/** Holds a connection to a service, from an address of its own; returns whether it got one. */
const isHeld = (port: number, localAddress: string) =>
  new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: "127.0.0.1", localAddress }).on("error", () => {})
    cleanups.push(() => socket.destroy())
    socket.once("data", () => resolve(true)).once("close", () => resolve(false))
    socket.write("GET /api/orders/1 HTTP/1.1\r\nhost: x\r\n\r\n")
  })

const refused = {
  type: "/docs/problems#too_many_requests",
  title: "Too Many Requests",
  status: 429,
  code: "too_many_requests",
}

const isRefused = ({ status, headers, text }: Awaited<ReturnType<typeof ask>>) => {
  if (status !== 429) return false
  expect(headers).toMatchObject({
    "content-type": "application/problem+json",
    "retry-after": "1",
    "cache-control": "no-store",
  })
  expect(JSON.parse(text)).toMatchObject(refused)
  return true
}

/** Only on Linux does this machine have every address of 127.0.0.0/8. */
const [one, another] = ["127.0.0.1", process.platform === "linux" ? "127.0.0.2" : undefined]

const needsNginx = missing.includes("nginx")
const title = needsNginx ? " (skipped: nginx not installed)" : ""

describe.skipIf(needsNginx)(`the gateway${title}`, () => {
  it("refuses with a problem what exceeds an address's rate, and serves the others", async () => {
    const port = await gateway(await service(), {
      settings: { GATEWAY_REQUESTS_PER_SECOND: "1", GATEWAY_BURST: "5" },
    })
    const answers = await Promise.all(Array.from({ length: 30 }, () => ask(port, { from: one! })))
    const over = answers.filter(isRefused)
    expect(over.length).toBeGreaterThan(10)
    expect(answers.filter(({ status }) => status === 200).length).toBe(30 - over.length)
    if (another) expect((await ask(port, { from: another })).status).toBe(200)
  })

  it("refuses with a problem what exceeds an address's share of connections", async () => {
    const port = await gateway(await service(), {
      // The rate must not be the reason here.
      settings: { GATEWAY_CONNECTIONS: "3", GATEWAY_BURST: "1000000" },
    })
    const waiting = Array.from(
      { length: 3 },
      () => connect(port, one).on("error", () => {}).resume(),
    )
    cleanups.push(() => waiting.forEach((socket) => socket.destroy()))
    for (const socket of waiting) {
      socket.write("GET /api/orders/waits HTTP/1.1\r\nhost: x\r\n\r\n")
    }
    while (!isRefused(await ask(port, { from: one! }))) { /* until all three are in work */ }
    if (another) expect((await ask(port, { from: another })).status).toBe(200)
    waiting[0]!.destroy()
    while (isRefused(await ask(port, { from: one! }))) { /* until it has seen that one is gone */ }
  })

  it("refuses nothing to an office of customers behind one address", async () => {
    const port = await gateway(await service())
    const customers = Array.from({ length: 100 }, async () => {
      for (let n = 0; n < 8; n++) expect((await ask(port)).status).toBe(200)
    })
    await Promise.all(customers)
  })

  it("serves TLS, demands it from clients, and redirects plain HTTP to it", async () => {
    const tlsPort = await freePort()
    const port = await gateway(await service(), {
      tlsPort,
      settings: { GATEWAY_REQUESTS_PER_SECOND: "1", GATEWAY_BURST: "2" },
    })
    const held = { "strict-transport-security": "max-age=31536000" }
    const secure = await ask(tlsPort, { tls: true })
    expect([secure.status, secure.text]).toEqual([200, "here"])
    expect(secure.headers).toMatchObject(held)
    const nothing = await ask(tlsPort, { tls: true, path: "/nothing" })
    expect([nothing.status, nothing.headers["content-type"]]).toEqual([
      404,
      "application/problem+json",
    ])
    expect(nothing.headers).toMatchObject(held)
    const many = await Promise.all(Array.from({ length: 9 }, () => ask(tlsPort, { tls: true })))
    const over = many.filter(isRefused)
    expect(over).not.toEqual([])
    for (const { headers } of over) expect(headers).toMatchObject(held)
    for (const at of [port, tlsPort]) {
      const plain = await ask(at, { path: "/api/orders/?limit=2", host: `shop.example:${at}` })
      expect([plain.status, plain.headers["location"]]).toEqual([
        308,
        `https://shop.example:${tlsPort}/api/orders/?limit=2`,
      ])
      if (at === port) expect(plain.headers).not.toHaveProperty("strict-transport-security")
    }
  })

  it("does not demand TLS over plain HTTP, and shows no health", async () => {
    const port = await gateway(await service())
    for (const path of ["/api/orders/1", "/livez", "/metrics"]) {
      const { status, headers } = await ask(port, { path })
      expect(status).toBe(path === "/api/orders/1" ? 200 : 404)
      expect(headers).not.toHaveProperty("strict-transport-security")
    }
  })

  it.skipIf(!another)(
    "answers that nothing is lost when a service has all its connections in use",
    async () => {
      const ports = await freePorts()
      const replica = await startReplica("node", ports, {
        MAX_CONNECTIONS: "2",
        DRAIN: "0 seconds",
      })
      cleanups.push(replica.stop)
      const port = await gateway(ports.public)
      expect([
        await isHeld(ports.public, "127.0.0.2"),
        await isHeld(ports.public, "127.0.0.3"),
      ]).toEqual([true, true])
      const answer = await ask(port)
      expect([answer.status, answer.headers["retry-after"]]).toEqual([503, "1"])
      expect(JSON.parse(answer.text)).toMatchObject({ code: "service_unavailable" })
    },
  )
})
