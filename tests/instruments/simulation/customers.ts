/**
 * The customers of a simulated world. Each order has an idempotency key. A post without an answer,
 * or with a 5xx, is sent again with the same key until it is acknowledged. Some posts are sent
 * twice for no reason, and some orders are cancelled. Each order is looked up until it is final.
 */
import { Effect, Exit } from "effect"
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import { isFinal } from "./final.ts"
import type { Process } from "./kernel.ts"
import type { Answer, CallEnd } from "./network.ts"
import { type Plan } from "./plan.ts"
import { cancellerOf, keysOf, type Wish } from "./wish.ts"
import type { System } from "./system.ts"

/** What a customer knows of an order. */
export interface Acknowledged {
  readonly wish: Wish
  readonly id: string
  /** The status that the customer was told last. */
  status: OrderStatus
  /** The answer to the cancel, if there was one. */
  cancelled?: "in time" | "too late"
}

const patienceMs = 3_000

export class Customers {
  readonly acknowledged = new Map<string, Acknowledged>()
  private readonly system: System
  private readonly process: Process
  /** How many posts and look-ups are under way. */
  private busy = 0

  constructor(system: System, plan: Plan) {
    this.system = system
    const { process, fork } = system.outsider("customer")
    this.process = process
    const keys = keysOf(plan.wishes)
    plan.wishes.forEach((wish, n) => {
      for (const afterMs of [0, ...wish.repeats]) {
        this.busy++
        fork(this.order(wish, keys[n]!, afterMs)).addObserver((exit) => {
          this.busy--
          if (Exit.isFailure(exit)) throw new Error(`A customer met a defect: ${exit.cause}`)
        })
      }
    })
  }

  get done(): boolean {
    return this.busy === 0
  }

  private order(wish: Wish, key: string, afterMs: number): Effect.Effect<void> {
    const { kernel, world } = this.system
    const post = Effect.gen({ self: this }, function* () {
      yield* kernel.sleep(this.process, wish.atMs + afterMs)
      const { username, amountMinor, item, slot } = wish
      const body = { username, amountMinor, details: { item, slot }, idempotencyKey: key }
      const { id, status } = yield* this.untilAnswered("place", "/place", body)
      const order = this.acknowledge(wish, key, id, status)
      if (afterMs === 0 && wish.cancelAfterMs !== undefined) {
        yield* kernel.sleep(this.process, wish.cancelAfterMs)
        yield* this.cancel(order)
      }
      yield* this.watch(order)
    })
    return Effect.catch(
      post,
      (unexpected) =>
        Effect.sync(() =>
          world.violated(
            "I6",
            `a post of ${wish.username}'s ${key} was answered ${unexpected.status}`,
          )
        ),
    )
  }

  private acknowledge(wish: Wish, key: string, id: string, status: OrderStatus): Acknowledged {
    const name = `${wish.username}'s ${key}`
    const order = this.acknowledged.get(name) ?? { wish, id, status }
    this.system.world.check(
      order.id === id,
      "I6",
      () => `${name} was acknowledged as ${order.id} and as ${id}`,
    )
    this.acknowledged.set(name, order)
    return order
  }

  /** Some orders are cancelled by an operator, for the customer. */
  private cancel(order: Acknowledged): Effect.Effect<void, Answer> {
    const { username } = order.wish
    const by = cancellerOf(order.wish)
    this.system.world.cancelling.add(order.id)
    return this.untilAnswered("cancel", `/cancel by ${by}`, { username, id: order.id }).pipe(
      Effect.as("in time" as const),
      Effect.catch((answer) =>
        answer.status === 409 ? Effect.succeed("too late" as const) : Effect.fail(answer)
      ),
      Effect.map((cancelled) => {
        order.cancelled = cancelled
        this.system.world.hit(`order: cancelled ${cancelled} by ${by}`, order.id)
      }),
    )
  }

  /** Looks the order up until it is final, or a dead letter for good, and once more. */
  private watch(order: Acknowledged): Effect.Effect<void, Answer> {
    const { kernel, world, queue } = this.system
    const { username } = order.wish
    return Effect.gen({ self: this }, function* () {
      for (let looks = 0; looks < 2;) {
        yield* kernel.sleep(this.process, isFinal(order.status) ? 1_000 : 5_000)
        // A customer who posted twice looks twice, and the answers may cross.
        const told = order.status
        const { status } = yield* this.untilAnswered("find", "/find", { username, id: order.id })
        world.check(
          !isFinal(told) || status === told,
          "I7",
          () => `the customer of ${order.id} was told ${told}, then ${status}`,
        )
        order.status = status
        if (isFinal(status) || (world.poisonous.has(order.id) && queue.buried.has(order.id))) {
          looks++
        }
      }
    })
  }

  /** Fails with an answer that a retry would not change. */
  private untilAnswered(
    point: string,
    path: string,
    body: unknown,
  ): Effect.Effect<{ id: string; status: OrderStatus }, Answer> {
    const { kernel } = this.system
    return Effect.gen({ self: this }, function* () {
      while (true) {
        const end = yield* this.call(point, path, body)
        if (end !== undefined && "status" in end) {
          if (end.status === 200) return end.body as { id: string; status: OrderStatus }
          if (end.status < 500 && end.status !== 429) return yield* Effect.fail(end)
        }
        yield* kernel.sleep(this.process, 100 + kernel.draw("customer's wait", 1_000))
      }
    })
  }

  private call(point: string, path: string, body: unknown): Effect.Effect<CallEnd | undefined> {
    const { kernel, network } = this.system
    return Effect.callback((resume) => {
      const cancel = kernel.after(
        patienceMs,
        "",
        this.process,
        () => resume(Exit.succeed(undefined)),
      )
      network.send(this.process, "orders", point, path, JSON.stringify(body), (end) => {
        cancel()
        resume(Exit.succeed(end))
      })
    })
  }
}
