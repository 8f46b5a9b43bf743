/**
 * DBOS: workflows in this process, each step recorded in PostgreSQL. Started directly, as a queue
 * of its own only adds writes; the order's id is the workflow's, so that an order is never run
 * twice.
 */
import { DBOS } from "@dbos-inc/dbos-sdk"
import { given } from "./environment.ts"
import { measure } from "./measure.ts"
import { persistently, runSaga } from "./order-saga.ts"
import type { Order } from "./orders.ts"

const workflow = DBOS.registerWorkflow(
  (order: Order) =>
    // With its own retries, each step asks the database once more whether the workflow was
    // cancelled.
    runSaga(order, (action) => DBOS.runStep(() => persistently(action), { name: action.name })),
  { name: "order" },
)

await measure({
  peer: "dbos",
  inFlight: 16,
  start: async () => {
    DBOS.setConfig({
      name: "unwind-peer",
      systemDatabaseUrl: given("PEER_DATABASE_URL"),
      systemDatabasePoolSize: 32,
      logLevel: "error",
      tracingEnabled: false,
    })
    await DBOS.launch()
    return {
      execute: async (order) => {
        const handle = await DBOS.startWorkflow(workflow, { workflowID: order.id })(order)
        return await handle.getResult()
      },
      close: () => DBOS.shutdown(),
    }
  },
})
