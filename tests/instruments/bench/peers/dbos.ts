/**
 * DBOS: workflows in this process, with each step recorded in PostgreSQL. They start directly,
 * since a queue of DBOS only adds writes. The order's id is the workflow's, so no order runs twice.
 */
import { DBOS } from "@dbos-inc/dbos-sdk"
import { given } from "./environment.ts"
import { measure } from "./measure.ts"
import { persistently, runSaga } from "./order-saga.ts"
import type { Order } from "./orders.ts"

const workflow = DBOS.registerWorkflow(
  (order: Order) =>
    // With DBOS's own retries, each step makes one more query: whether the workflow was cancelled.
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
