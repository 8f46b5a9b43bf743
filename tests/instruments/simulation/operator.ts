/**
 * The operator of a simulated world, who adjusts stock while orders are under way. An adjustment
 * without an answer, or with a 5xx, is sent again with the same key until it is answered. Some are
 * sent twice for no reason.
 */
import { Effect, Exit } from "effect"
import type { Adjustment } from "#shared/contracts/stock.ts"
import type { Wanted } from "#shared/reservations/adjustments.ts"
import type { Process } from "./kernel.ts"
import type { CallEnd } from "./network.ts"
import { type Plan } from "./plan.ts"
import { resources } from "./wish.ts"
import type { Restock } from "./restocks.ts"
import type { ParticipantName } from "./services.ts"
import type { System } from "./system.ts"

/** The answer to an adjustment: `told` is undefined if it was refused. */
export interface Answered {
  readonly participant: ParticipantName
  readonly key: string
  readonly told: Adjustment | undefined
}

const patienceMs = 3_000
const name = "grace"

export class Operator {
  readonly answered: Array<Answered> = []
  private readonly system: System
  private readonly process: Process
  private busy = 0

  constructor(system: System, { restocks = [] }: Plan) {
    this.system = system
    const { process, fork } = system.outsider("operator")
    this.process = process
    restocks.forEach((restock, n) => {
      for (const afterMs of [0, ...restock.repeats]) {
        this.busy++
        fork(this.adjust(restock, `key ${n}`, restock.atMs + afterMs)).addObserver((exit) => {
          this.busy--
          if (Exit.isFailure(exit)) throw new Error(`An operator met a defect: ${exit.cause}`)
        })
      }
    })
  }

  get done(): boolean {
    return this.busy === 0
  }

  private adjust(
    { participant, resource, change }: Restock,
    idempotencyKey: string,
    atMs: number,
  ): Effect.Effect<void> {
    const { kernel, world } = this.system
    const wanted: Wanted = {
      operator: name,
      idempotencyKey,
      resource: resources[participant][resource] ?? "nothing",
      change,
      reason: "it is counted",
    }
    return Effect.gen({ self: this }, function* () {
      yield* kernel.sleep(this.process, atMs)
      while (true) {
        const end = yield* this.call(participant, wanted)
        if (end !== undefined && "status" in end && end.status < 500 && end.status !== 429) {
          world.check(
            [200, 404, 409].includes(end.status),
            "I6",
            () => `the adjustment ${idempotencyKey} was answered ${end.status}`,
          )
          this.note(participant, idempotencyKey, end.status === 200 ? end.body : undefined)
          return
        }
        yield* kernel.sleep(this.process, 100 + kernel.draw("operator's wait", 1_000))
      }
    })
  }

  /**
   * A refused adjustment that is sent again may succeed. The last answer counts, and a success is
   * final.
   */
  private note(participant: ParticipantName, idempotencyKey: string, body: unknown): void {
    const key = `${name} ${idempotencyKey}`
    const told = body as Adjustment | undefined
    const { world } = this.system
    world.hit(told === undefined ? "adjustment: refused" : "adjustment: made", key)
    const n = this.answered.findIndex((one) => one.key === key)
    const before = this.answered[n]
    if (before === undefined) {
      this.answered.push({ participant, key, told })
      return
    }
    if (told === undefined) return
    world.check(
      before.told === undefined || before.told.number === told.number,
      "I6",
      () => `the adjustment ${key} was answered as ${before.told?.number} and as ${told.number}`,
    )
    this.answered[n] = { participant, key, told }
  }

  private call(participant: ParticipantName, wanted: Wanted): Effect.Effect<CallEnd | undefined> {
    const { kernel, network } = this.system
    const body = JSON.stringify(wanted)
    return Effect.callback((resume) => {
      const cancel = kernel.after(
        patienceMs,
        "",
        this.process,
        () => resume(Exit.succeed(undefined)),
      )
      network.send(this.process, participant, "restock", "/internal/adjustments", body, (end) => {
        cancel()
        resume(Exit.succeed(end))
      })
    })
  }
}
