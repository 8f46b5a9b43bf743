/** What scenarios use. Each part is made on its first use, and shared from then on. */
import { Effect, type Scope } from "effect"
import type { Runtime } from "#tests/support/separate-services.ts"
import type { BenchArguments, ScenarioName } from "./arguments.ts"
import { signUpCustomers } from "./load/customers.ts"
import type { Recorder } from "./profile/recorder.ts"
import type { Row } from "./row.ts"
import { type Ground, startGround } from "./stand/ground.ts"
import { makePark, type Park } from "./stand/park.ts"
import type { Services } from "./stand/services.ts"
import { servicesSubject, type Subject } from "./subject.ts"

export type Message = { readonly message: string }

export interface Hall {
  readonly given: BenchArguments
  readonly runtime: Runtime
  readonly ground: Ground
  readonly park: Park
  readonly recorder: Recorder | undefined
  /** Shows the progress, in place of the line before. */
  readonly show: (what: string) => void
  readonly services: (replicas?: number, runtime?: Runtime) => Effect.Effect<Services, Message>
  /** Our services, in this many replicas, with customers. */
  readonly ours: (replicas?: number, runtime?: Runtime) => Effect.Effect<Subject, Message>
  /** The same, without customers. */
  readonly unattended: (replicas?: number, runtime?: Runtime) => Effect.Effect<Subject, Message>
  /** The rows of another scenario, which runs now unless it has run before. */
  readonly rowsOf: (name: ScenarioName) => Effect.Effect<ReadonlyArray<Row>, Message>
}

export type Scenario = (hall: Hall) => Effect.Effect<ReadonlyArray<Row>, Message, Scope.Scope>

export interface HallOptions {
  readonly given: BenchArguments
  readonly scenarios: Readonly<Record<ScenarioName, Scenario>>
  readonly recorder: Recorder | undefined
  readonly show: Hall["show"]
}

const noInstrument = { nodeFlags: [], environment: {} }

/** Opens the hall until the scope closes. */
export const openHall = Effect.fnUntraced(function* (options: HallOptions) {
  const { given, scenarios, recorder, show } = options
  show("starting PostgreSQL and Redis ...")
  const ground = yield* startGround
  const park = yield* makePark(ground, recorder?.instrument ?? (() => noInstrument))
  const runtime: Runtime = given.deno ? "deno" : "node"
  const services: Hall["services"] = (replicas = 1, on = runtime) =>
    Effect.suspend(() => {
      show("starting the services ...")
      return park.services({ replicas, runtime: on })
    })
  let tokens: ReadonlyArray<string> | undefined
  const rows = new Map<ScenarioName, ReadonlyArray<Row>>()
  const hall: Hall = {
    given,
    runtime,
    ground,
    park,
    recorder,
    show,
    services,
    ours: Effect.fnUntraced(function* (replicas, on) {
      const running = yield* services(replicas, on)
      show("signing up customers ...")
      tokens ??= yield* signUpCustomers(running.portsOf("auth")[0]!)
      return servicesSubject(ground, running, tokens)
    }),
    unattended: (replicas, on) =>
      Effect.map(services(replicas, on), (running) => servicesSubject(ground, running, [])),
    rowsOf: Effect.fnUntraced(function* (name) {
      const before = rows.get(name)
      if (before !== undefined) return before
      const named = { ...hall, show: (what: string) => show(`${name}: ${what}`) }
      const now = yield* Effect.scoped(scenarios[name](named))
      rows.set(name, now)
      return now
    }),
  }
  return hall
})
