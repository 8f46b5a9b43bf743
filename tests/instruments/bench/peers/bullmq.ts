/**
 * BullMQ: a job for each order on Redis, and a worker in this process. It keeps no record of steps:
 * a job that runs again starts at the first one. Orders of one turn of the event loop are added
 * together.
 */
import { type Job, Queue, Worker } from "bullmq"
import { Redis } from "ioredis"
import { randomUUID } from "node:crypto"
import { setImmediate as nextTurn } from "node:timers/promises"
import { given } from "./environment.ts"
import { type Engine, measure } from "./measure.ts"
import { runSaga } from "./order-saga.ts"
import type { Order, Refusal } from "./orders.ts"

const concurrency = 64
const retries = { attempts: 8, backoff: { type: "exponential", delay: 50 } }
const mostAtOnce = 500

const start = (): Engine => {
  const connection = () => new Redis(given("REDIS_URL"), { maxRetriesPerRequest: null })
  const prefix = `unwind-peer-${randomUUID()}`
  const queueConnection = connection()
  const workerConnection = connection()
  const queue = new Queue<Order, Refusal | null>("orders", {
    connection: queueConnection,
    prefix,
    defaultJobOptions: { ...retries, removeOnComplete: true, removeOnFail: true },
  })
  const worker = new Worker<Order, Refusal | null>(
    "orders",
    ({ data }) => runSaga(data, ({ run }) => run()),
    { connection: workerConnection, prefix, concurrency },
  )
  const waiting = new Map<string, PromiseWithResolvers<Refusal | null>>()
  const settle = (job: Job<Order>) => {
    const waiter = waiting.get(job.data.id)
    waiting.delete(job.data.id)
    return waiter
  }
  worker.on("completed", (job, refusal) => settle(job)?.resolve(refusal))
  worker.on("failed", (job, error) => {
    if (job !== undefined && job.attemptsMade >= retries.attempts) settle(job)?.reject(error)
  })
  worker.on("error", (error) => console.error(error))
  const add = gathered((orders) =>
    queue.addBulk(orders.map((data) => ({ name: "order", data, opts: { jobId: data.id } })))
  )
  return {
    execute: async (order) => {
      const waiter = Promise.withResolvers<Refusal | null>()
      waiting.set(order.id, waiter)
      await add(order)
      return await waiter.promise
    },
    close: async () => {
      await worker.close()
      await queue.obliterate({ force: true })
      await queue.close()
      await Promise.all([queueConnection.quit(), workerConnection.quit()])
    },
  }
}

/** Adds together the orders of one turn of the event loop. */
const gathered = (addAll: (orders: ReadonlyArray<Order>) => Promise<unknown>) => {
  let gathering: { readonly orders: Array<Order>; readonly added: Promise<unknown> } | undefined
  return async (order: Order): Promise<void> => {
    if (gathering === undefined || gathering.orders.length === mostAtOnce) {
      const orders: Array<Order> = []
      const added = nextTurn().then(() => {
        if (gathering?.orders === orders) gathering = undefined
        return addAll(orders)
      })
      gathering = { orders, added }
    }
    gathering.orders.push(order)
    await gathering.added
  }
}

await measure({ peer: "bullmq", inFlight: 256, start: () => Promise.resolve(start()) })
