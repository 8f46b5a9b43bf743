/**
 * The order queue of a simulated world. It promises what a Redis stream with one consumer group
 * does: delivery at least once, in no particular order; an entry is pending until it is
 * acknowledged, and is claimed from a consumer that is silent. Each command to it can fail.
 */
import { Effect, Exit } from "effect"
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { type Delivery, type OrderQueue, QueueUnavailable } from "#shared/queue/order-queue.ts"
import { asNewMessage } from "#shared/queue/queue-desk.ts"
import type { Process } from "./kernel.ts"
import { type PointFault } from "./plan.ts"
import { slotTimes, usernames } from "./wish.ts"
import type { World } from "./world.ts"

interface Entry {
  readonly id: string
  readonly message: OrderMessage
  /** The consumer that has taken it, and when that consumer last renewed it. */
  holder: Process | undefined
  heldAtMs: number
}

const claimAfterMs = 15_000
const blockMs = 5_000

export class SimulatedQueue {
  readonly entries = new Map<string, Entry>()
  /** The messages of the dead letters, by order. */
  readonly buried = new Map<string, OrderMessage>()
  private added = 0
  /** The first message of each order. */
  private readonly published = new Map<string, OrderMessage>()
  private readonly waiting = new Set<() => void>()

  private readonly world: World

  constructor(world: World) {
    this.world = world
  }

  /** The queue of one process. */
  clientOf(process: Process): OrderQueue["Service"] {
    const inHand = new Set<string>()
    const runs = this.world.runsOf(process)
    return {
      publish: (messages) =>
        this.command(process, "publish", () => {
          for (const message of messages) this.remember(message)
          this.add(messages)
        }),
      take: (max) => this.take(process, inHand, max),
      acknowledge: (ids) =>
        Effect.suspend(() => {
          runs.ends(ids, false)
          return this.command(process, "acknowledge", () => this.remove(ids))
        }).pipe(Effect.tap(Effect.sync(() => {
          runs.gone(ids)
          for (const id of ids) inHand.delete(id)
        }))),
      deadLetter: (letters) =>
        Effect.suspend(() => {
          const ids = letters.map(({ delivery }) => delivery.entryId)
          runs.ends(ids, true)
          return this.command(process, "bury", () => {
            for (const { delivery: { message } } of letters) {
              this.buried.set(message.orderId, message)
            }
            this.remove(ids)
          }).pipe(Effect.tap(Effect.sync(() => runs.gone(ids))))
        }),
      ping: Effect.void,
      volatile: false,
    }
  }

  /** Loses all entries, like FLUSHALL. */
  wipe(): void {
    this.entries.clear()
  }

  /** Redrives all dead letters, like the queue desk. Returns how many. */
  redrive(): number {
    const letters = [...this.buried.values()]
    this.buried.clear()
    this.add(letters.map(asNewMessage))
    return letters.length
  }

  /**
   * Publishes all orders again, final ones too. With `asNew` the messages are the first ones, so
   * their consumer does not ask the register first.
   */
  publishAgain(asNew = false): void {
    const messages = [...this.published.values()]
    this.add(asNew ? messages : messages.map(asNewMessage))
  }

  /** Adds an entry of an order that was never placed. */
  addUnknownOrder(): void {
    const createdAtMs = this.world.kernel.nowMs
    const orderId = OrderId.make(firstIdAt(createdAtMs).slice(0, -1) + "1")
    const details = { item: 1, slot: slotTimes[0]! }
    const what = { username: usernames[0]!, amountMinor: 10_00, details, steps: stepsInForce }
    this.add([{ orderId, ...what, createdAtMs, republished: 1 }])
  }

  private add(messages: ReadonlyArray<OrderMessage>): void {
    for (const message of messages) {
      const id = `${++this.added}`
      this.entries.set(id, { id, message, holder: undefined, heldAtMs: 0 })
    }
    for (const wake of [...this.waiting]) wake()
  }

  private remember(message: OrderMessage): void {
    const { orderId } = message
    if (!this.published.has(orderId)) this.published.set(orderId, message)
  }

  private remove(ids: ReadonlyArray<string>): void {
    for (const id of ids) this.entries.delete(id)
  }

  private take(
    process: Process,
    inHand: Set<string>,
    max: number,
  ): Effect.Effect<ReadonlyArray<Delivery>, QueueUnavailable> {
    const asNewMessage = (): Effect.Effect<ReadonlyArray<Delivery>, QueueUnavailable> =>
      Effect.flatMap(
        this.command(process, "take", (fault) => this.hand(process, inHand, max, fault)),
        (deliveries) => {
          for (const { entryId } of deliveries) inHand.add(entryId)
          this.world.runsOf(process).taken(deliveries)
          return deliveries.length > 0
            ? Effect.succeed(deliveries)
            : Effect.andThen(this.more(process), asNewMessage())
        },
      )
    return Effect.suspend(asNewMessage)
  }

  /** Waits for new entries, at most as long as a read blocks. */
  private more(process: Process): Effect.Effect<void> {
    return Effect.callback((resume) => {
      if (!process.alive) return
      const wake = () => {
        this.waiting.delete(wake)
        cancel()
        if (process.alive) resume(Exit.void)
      }
      const cancel = this.world.kernel.after(blockMs, "", process, wake)
      this.waiting.add(wake)
      return Effect.sync(() => {
        this.waiting.delete(wake)
        cancel()
      })
    })
  }

  /** New entries, those of silent consumers, and its own from before a restart. */
  private hand(
    process: Process,
    inHand: ReadonlySet<string>,
    max: number,
    fault: PointFault | undefined,
  ): ReadonlyArray<Delivery> {
    const { kernel } = this.world
    const stolen = fault?.fault === "entry stolen"
    const deliveries: Array<Delivery> = []
    // No order is promised, so it reads from anywhere in the stream.
    const all = [...this.entries.values()]
    const from = all.length > 1 ? kernel.draw("read from", all.length) : 0
    for (const entry of [...all.slice(from), ...all.slice(0, from)]) {
      if (deliveries.length >= max) break
      const { holder } = entry
      if (holder !== undefined && this.renews(holder)) entry.heldAtMs = kernel.nowMs
      const own = holder?.name === process.name && !inHand.has(entry.id)
      const silent = holder !== undefined && kernel.nowMs - entry.heldAtMs >= claimAfterMs
      const isFree = holder === undefined || own || silent
      if (!isFree && !(stolen && holder !== process)) continue
      if (!isFree) this.world.acted(fault!)
      entry.holder = process
      entry.heldAtMs = kernel.nowMs
      deliveries.push({
        entryId: entry.id,
        message: entry.message,
        redelivered: holder !== undefined,
      })
    }
    return deliveries
  }

  private renews(holder: Process): boolean {
    return holder.alive && holder.stoppedUntilMs <= this.world.kernel.nowMs &&
      !this.world.cutOff.has(holder.name)
  }

  private command<A>(
    process: Process,
    name: string,
    apply: (fault: PointFault | undefined) => A,
  ): Effect.Effect<A, QueueUnavailable> {
    return Effect.callback((resume) => {
      const { world } = this
      if (!process.alive) return
      const fault = world.arrive(`queue ${name}`)
      const what = fault?.fault
      const { kernel } = world
      const ms = kernel.takes(kernel.draw(`queue ${name}`, 3))
      kernel.after(ms, `${process.name} ${name}`, undefined, () => {
        const gone = world.cutOff.has(process.name) || what === "command lost"
        if (what === "wiped" && this.entries.size > 0) {
          world.acted(fault!)
          this.wipe()
        }
        const result = gone ? undefined : { value: apply(fault) }
        if (what === "doubled" && name === "publish") {
          world.acted(fault!)
          kernel.after(fault!.forMs, "a doubled command", undefined, () => apply(fault))
        }
        if (what === "caller crashes") return world.crash(process, fault!.forMs)
        const lost = result === undefined || what === "answer lost"
        kernel.after(lost ? 1_000 : kernel.takes(1), "", process, () =>
          resume(
            lost
              ? Effect.fail(new QueueUnavailable({ message: "No answer" }))
              : Effect.succeed(result.value),
          ))
      })
    })
  }
}
