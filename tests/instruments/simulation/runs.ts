/**
 * What one orchestrator process does for the orders that it has in hand, as its requests show it.
 * The run of an order begins with the first request for it and ends when its entry on the queue is
 * acknowledged or becomes a dead letter.
 */
import type { Decision } from "#shared/contracts/decision.ts"
import type { StepName } from "#shared/contracts/order-state.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { Delivery } from "#shared/queue/order-queue.ts"
import type { OrderRun } from "#shared/saga/order-run.ts"
import { isFinal } from "./final.ts"
import type { CallEnd } from "./network.ts"
import type { ServiceName } from "./plan.ts"
import { callTimeoutMs, stepAt } from "./services.ts"
import type { World } from "./world.ts"

/** The body of a request to a participant or to the register. */
export interface Body {
  readonly commands?: ReadonlyArray<Command>
  readonly decisions?: ReadonlyArray<Pick<Decision, "orderId">>
}

/** A request that is out for an order. */
interface Asked {
  readonly untilMs: number
}

interface SentCommand {
  readonly action: Command["action"]
  readonly step: StepName
  /** Its answer, once it has come. */
  outcome?: Outcome["outcome"]
  /** Whether the answer came so late that the orchestrator may have given up waiting for it. */
  isLate?: boolean
}

interface Run {
  readonly entryId: string
  readonly steps: ReadonlyArray<StepName>
  /** The request that is out for it. */
  asked: Asked | undefined
  /** The command that was sent last. */
  last: SentCommand | undefined
  /** Whether its end is reported to the queue, which may take a while. */
  ended: boolean
}

export class Runs {
  /** The orders in flight, as the orchestrator itself has them. */
  inFlight: ReadonlyMap<string, OrderRun> = new Map()
  private readonly world: World
  private readonly name: string
  /** The messages of the entries in hand. */
  private readonly inHand = new Map<string, OrderMessage>()
  private readonly runs = new Map<string, Run>()

  constructor(world: World, name: string) {
    this.world = world
    this.name = name
  }

  /** The orders that are in hand. */
  get orders(): ReadonlyArray<string> {
    return [...this.inHand.values()].map(({ orderId }) => orderId)
  }

  taken(deliveries: ReadonlyArray<Delivery>): void {
    for (const { entryId, message } of deliveries) this.inHand.set(entryId, message)
  }

  /** I7: its process acknowledges entries, or buries them. */
  ends(entryIds: ReadonlyArray<string>, buried: boolean): void {
    for (const entryId of entryIds) {
      const orderId = this.inHand.get(entryId)?.orderId
      // An acknowledgement without an answer is sent again.
      if (orderId === undefined) continue
      const run = this.runs.get(orderId) ?? this.begin(orderId)
      this.inHand.delete(entryId)
      // The entry of the run keeps the order safe, so any other entry may go.
      if (run?.entryId !== entryId) continue
      run.ended = true
      const end = this.inFlight.get(orderId)?.end
      const status = this.world.statuses.get(orderId)
      this.world.check(
        buried || (isFinal(status) && end === status),
        "I7",
        () => `${this.name} acknowledges order ${orderId} as ${end}, which is ${status}`,
      )
    }
  }

  /** The queue has answered: from now on another entry of the same order begins another run. */
  gone(entryIds: ReadonlyArray<string>): void {
    for (const [orderId, { entryId }] of this.runs) {
      if (entryIds.includes(entryId)) this.runs.delete(orderId)
    }
  }

  /** Its process sends a request; returns what to call with the end of the call. */
  sends(to: ServiceName, { commands, decisions = [] }: Body): (end: CallEnd) => void {
    const { kernel } = this.world
    const asked: Asked = { untilMs: kernel.nowMs + callTimeoutMs }
    const runs = (commands ?? decisions).map(({ orderId }) => this.asks(orderId, asked))
    const sent = (commands ?? []).map((command, n) => this.sendsCommand(to, command, runs[n]))
    return (end) => {
      for (const run of runs) if (run?.asked === asked) run.asked = undefined
      if (!("status" in end) || end.status !== 200) return
      const { outcomes = [] } = end.body as { outcomes?: ReadonlyArray<Outcome> }
      for (const [n, { outcome }] of outcomes.entries()) {
        sent[n]!.outcome = outcome
        sent[n]!.isLate = kernel.nowMs >= asked.untilMs
      }
    }
  }

  /** I7, I8: no request for an order that is not in hand, and no two at once. */
  private asks(orderId: string, asked: Asked): Run | undefined {
    const { world, name } = this
    const run = this.runs.get(orderId) ?? this.begin(orderId)
    world.check(
      run !== undefined && !run.ended,
      "I7",
      () => `${name} sends a request for order ${orderId}, which it does not have in hand`,
    )
    if (run === undefined) return undefined
    world.check(
      run.asked === undefined || run.asked.untilMs <= world.kernel.nowMs,
      "I8",
      () => `${name} sends two requests for order ${orderId} at once`,
    )
    run.asked = asked
    return run
  }

  /** The run begins with the oldest entry in hand, as the consumer takes them. */
  private begin(orderId: string): Run | undefined {
    for (const [entryId, message] of this.inHand) {
      if (message.orderId !== orderId) continue
      const run = {
        entryId,
        steps: message.steps,
        asked: undefined,
        last: undefined,
        ended: false,
      }
      this.runs.set(orderId, run)
      return run
    }
    return undefined
  }

  /**
   * I1, I8, I9: an order goes through its own steps, one after another, and is undone only after
   * the register has it as aborted. An order that the register does not know is undone, too.
   */
  private sendsCommand(
    to: ServiceName,
    { orderId, action }: Command,
    run: Run | undefined,
  ): SentCommand {
    const { world, name } = this
    const command: SentCommand = { action, step: stepAt[to as keyof typeof stepAt] }
    if (run === undefined) return command
    const { last, steps } = run
    const sends = `${name} sends a ${action} of ${command.step} of order ${orderId}`
    const status = world.statuses.get(orderId)
    world.check(
      action === "reserve" || (status !== "pending" && status !== "completed"),
      "I9",
      () => `${sends}, which is ${status}`,
    )
    const after = last === undefined
      ? "first"
      : `after the ${last.action} of ${last.step} was answered ${last.outcome}`
    world.check(steps.includes(command.step), "I1", () => `${sends}, whose steps are ${steps}`)
    world.check(follows(steps, command, last), "I8", () => `${sends} ${after}`)
    run.last = command
    return command
  }
}

/**
 * Whether a command may come after another: the same one again without an answer, else the next
 * step; or the first cancel.
 */
const follows = (
  steps: ReadonlyArray<StepName>,
  { action, step }: SentCommand,
  last: SentCommand | undefined,
): boolean => {
  const at = steps.indexOf(step)
  if (last === undefined) return at === (action === "reserve" ? 0 : steps.length - 1)
  if (action !== last.action) return action === "cancel" && at >= 0
  const isAgain = step === last.step
  if (last.outcome === undefined) return isAgain
  if (last.isLate && isAgain) return true
  return action === "cancel"
    ? last.outcome === "cancelled" && at === steps.indexOf(last.step) - 1
    : last.outcome === "reserved" && at === steps.indexOf(last.step) + 1
}
