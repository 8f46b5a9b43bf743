/**
 * A world in which waves of sagas run: their participants, the decision register, and what becomes
 * of the requests between them; and the waves in it. All of it is drawn from a plan.
 */
import { Clock, Effect, type FiberSet, type Scope } from "effect"
import type { Decided } from "#shared/contracts/decision.ts"
import type { OrderId, StepName } from "#shared/contracts/order.ts"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { Reservation } from "#shared/reservations/rules.ts"
import type { SagaEnd } from "#shared/saga/saga.ts"
import { forEachStep } from "#tests/support/saga-rows.ts"
import { type Delivery, type Fate, idOf, type Plan } from "./saga-plans.ts"

export type Status = Decided["status"]

export interface Participant {
  readonly records: Map<OrderId, Reservation>
  readonly balances: Map<string, number>
}

export interface World {
  readonly plan: Plan
  readonly participants: Readonly<Record<StepName, Participant>>
  readonly statuses: Map<OrderId, Status>
  /** What the cancels of customers came to. */
  readonly cancelled: Map<OrderId, "in time" | "too late">
  readonly scope: Scope.Scope
  readonly fates: Record<StepName | "register", Array<Fate>>
  waves: number
  /** The answers that each order's reserves have got so far. */
  readonly answers: Map<string, Outcome["outcome"]>
  /** What happened, for a person to read when an invariant broke. */
  readonly history: Array<string>
  readonly violations: Array<string>
}

/** One wave, and what it did. */
export interface WaveRun {
  readonly name: string
  readonly delivery: Delivery
  readonly runs: ReadonlyMap<OrderId, Run>
  readonly fibers: FiberSet.FiberSet<void>
  calls: number
  stopped: boolean
  madeRoom: boolean
}

export interface SentCommand {
  readonly action: Command["action"]
  readonly step: StepName
  outcome: Outcome["outcome"] | undefined
}

/** One order of a wave, and what was done for it. */
export interface Run {
  readonly wave: string
  readonly order: number
  /** Whether a request for it is out. */
  isOut: boolean
  /** The command that was sent last, and its answer, if one has come. */
  last: SentCommand | undefined
  /** Whether a defect, or a refusal of its entry, has come its way. */
  metDefect: boolean
  /** The steps whose cancel changed something, in order. */
  readonly undone: Array<StepName>
  end: SagaEnd | undefined
}

export const worldOf = (plan: Plan, scope: Scope.Scope): World => {
  const participant = (name: StepName): Participant => ({
    records: new Map(),
    balances: new Map(Object.entries(plan.stock[name])),
  })
  return {
    plan,
    participants: forEachStep(({ step }) => participant(step)),
    statuses: new Map(plan.orders.map((_, order) => [idOf(order), "pending"])),
    cancelled: new Map(),
    scope,
    fates: {
      ...forEachStep(({ step }) => [...plan.fates[step]]),
      register: [...plan.fates.register],
    },
    waves: 0,
    answers: new Map(),
    history: [],
    violations: [],
  }
}

/**
 * The process is told to stop: all that works on the wave is interrupted, and nothing more begins.
 */
export const stopWave = (wave: WaveRun) =>
  Effect.sync(() => {
    wave.stopped = true
    for (const fiber of wave.fibers) fiber.interruptUnsafe()
  })

export const note = ({ history }: World, what: string) =>
  Effect.map(Clock.currentTimeMillis, (now) => {
    history.push(`${Math.round(now)} ms: ${what}`)
  })

/** Thrown where a plan has a defect in store; any other one is a violation. */
export const plannedDefect = new Error("a defect")
