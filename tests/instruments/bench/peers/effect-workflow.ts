/**
 * Effect's own workflow engine on its cluster: a workflow for each order, an activity for each
 * action, messages and replies recorded in PostgreSQL. One runner, in this process.
 */
import { PgClient } from "@effect/sql-pg"
import { Effect, Layer, ManagedRuntime, Redacted, References, Schema } from "effect"
import { ClusterWorkflowEngine, SingleRunner } from "effect/cluster"
import { Digest } from "effect/crypto"
import { Activity, Workflow } from "effect/workflow"
import { given } from "./environment.ts"
import { measure } from "./measure.ts"
import { type Action, orderSaga, persistently } from "./order-saga.ts"

const Refusal = Schema.NullOr(
  Schema.Literals(["Can not reserve the item", "Can not get the delivery slot"]),
)

const OrderWorkflow = Workflow.make("order", {
  payload: {
    id: Schema.String,
    username: Schema.String,
    amountMinor: Schema.Int,
    item: Schema.Int,
    slot: Schema.String,
    refusal: Refusal,
  },
  success: Refusal,
  idempotencyKey: ({ id }) => id,
})

const durably = (action: Action) =>
  Activity.make({
    name: action.name,
    success: Schema.Boolean,
    execute: Effect.promise(() => persistently(action)),
  })

const handler = OrderWorkflow.toLayer(Effect.fnUntraced(function* (order) {
  const saga = orderSaga(order)
  let next = saga.next()
  while (!next.done) next = saga.next(yield* durably(next.value))
  return next.value
}))

const engine = ClusterWorkflowEngine.layer.pipe(
  Layer.provideMerge(SingleRunner.layer({
    runnerStorage: "memory",
    shardingConfig: { shardsPerGroup: 32, simulateRemoteSerialization: false },
  })),
  Layer.provide([
    PgClient.layer({ url: Redacted.make(given("PEER_DATABASE_URL")), maxConnections: 32 }),
    Digest.layerWebCrypto,
  ]),
)

await measure({
  peer: "effect-workflow",
  inFlight: 128,
  start: async () => {
    const runtime = ManagedRuntime.make(
      handler.pipe(
        Layer.provideMerge(engine),
        Layer.provide(Layer.succeed(References.MinimumLogLevel, "Error")),
      ),
    )
    await runtime.runPromise(Effect.void)
    return {
      execute: (order) => runtime.runPromise(OrderWorkflow.execute(order)),
      close: () => runtime.dispose(),
    }
  },
})
