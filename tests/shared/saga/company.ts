/**
 * An order alone in its wave, and among orders that meet everything that an order can meet: its
 * saga is the same in both.
 */
import { Effect, type Scope } from "effect"
import {
  misconfigured,
  refused,
  type Script,
  type Scripted,
  scripted,
  type Scripts,
  times,
  unavailable,
  unknown,
} from "./scripted-sagas.ts"

const before: Scripts = {
  completing: {},
  poor: { reserve: { money: ["rejected"] } },
  unlucky: { reserve: { slot: ["rejected"] }, cancel: { money: times(6, unknown) } },
  late: { deadlineMs: 0, cancel: { slot: times(4, unavailable), item: ["reserved"] } },
  poison: { reserve: { item: [refused] } },
  undone: { redelivered: true, status: "compensating", cancel: { item: times(9, unavailable) } },
}
const behind: Scripts = {
  waiting: { reserve: { money: times(12, unavailable), slot: [unknown, misconfigured] } },
  decided: { redelivered: true, status: "completed" },
  asking: { republished: 1, register: times(3, unavailable) },
  older: { steps: ["item"], reserve: { item: [unknown] } },
  strange: { reserve: { slot: ["mismatch"] } },
  overtaken: { status: "compensating", register: ["lost", unknown] },
  lost: { status: "unknown", register: ["honest", unavailable] },
}

export const companies = [
  { company: "alone", make: (ann: Script) => scripted({ ann }) },
  { company: "among others", make: (ann: Script) => scripted({ ...before, ann, ...behind }) },
] as const satisfies ReadonlyArray<{
  company: string
  make: (ann: Script) => Effect.Effect<Scripted, never, Scope.Scope>
}>
