/**
 * Restate: its server is a separate process that keeps the journal, and calls the saga, a service
 * in this process, over HTTP/2. Each order is a request to its ingress, and is on its disk from
 * then on.
 */
import * as restate from "@restatedev/restate-sdk"
import { once } from "node:events"
import { createServer as createHttp2Server } from "node:http2"
import type { AddressInfo } from "node:net"
import { Pool } from "undici"
import { type Engine, measure } from "./measure.ts"
import { runSaga } from "./order-saga.ts"
import type { Order, Refusal } from "./orders.ts"
import { startRestateServer } from "./restate-server.ts"

const inFlight = 256

const orderService = restate.service({
  name: "order",
  handlers: {
    run: (context: restate.Context, order: Order) =>
      runSaga(order, ({ name, run }) => context.run(name, run)),
  },
})

const start = async (): Promise<Engine> => {
  const worker = createHttp2Server(
    restate.createEndpointHandler({ services: [orderService], logger: onlyErrors }),
  )
  await once(worker.listen(0, "127.0.0.1"), "listening")
  const { port } = worker.address() as AddressInfo
  const server = await startRestateServer()
  await server.register(`http://127.0.0.1:${port}`)
  const ingress = new Pool(server.ingressUrl, { connections: 2 * inFlight })
  return {
    execute: async (order) => {
      const { statusCode, body } = await ingress.request({
        method: "POST",
        path: "/order/run",
        headers: { "content-type": "application/json", "idempotency-key": order.id },
        body: JSON.stringify(order),
      })
      if (statusCode !== 200) throw new Error(`Restate: ${statusCode} ${await body.text()}`)
      return await body.json() as Refusal | null
    },
    close: async () => {
      await ingress.destroy()
      await server.stop()
      worker.close()
    },
  }
}

const onlyErrors: restate.LoggerTransport = ({ level }, ...message) => {
  if (`${level}` === "error") console.error(...message)
}

await measure({ peer: "restate", inFlight, start })
