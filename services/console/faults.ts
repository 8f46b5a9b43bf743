/** Where FAULTS=1: how operators break the system on purpose, and what must hold all the same beside it. */
import { Clock, Effect, Schema } from "effect"
import { AuditState } from "#shared/contracts/audit.ts"
import { FaultsShown, FaultyParams } from "#shared/contracts/console-faults.ts"
import {
  FaultReason,
  faultsExample,
  FaultState,
  FaultsWanted,
  faultyServices,
  reasonExample,
  Wiped,
} from "#shared/contracts/faults.ts"
import { OrderCounts } from "#shared/contracts/order-search.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { acting, type ActionOptions } from "./actions.ts"
import type { Permits } from "./admission.ts"
import { asking, askingWhoOffers, awayOf, known } from "./asking.ts"
import { judgePromises } from "./promises.ts"

const shown = (permit: Permits) =>
  Effect.gen(function* () {
    const asked = yield* asking
    const askedWhoOffers = yield* askingWhoOffers
    const look = Effect.gen(function* (): Effect.fn.Return<FaultsShown> {
      const at = new Date(yield* Clock.currentTimeMillis).toISOString()
      const { states, ...told } = yield* Effect.all({
        states: Effect.forEach(
          faultyServices,
          (service) => askedWhoOffers(service, { path: "/internal/faults", schema: FaultState }),
          { concurrency: "unbounded" },
        ),
        audit: asked("orchestrator", { path: "/internal/audit", schema: AuditState }),
        counts: asked("orders", { path: "/internal/order-counts", schema: OrderCounts }),
      }, { concurrency: "unbounded" })
      const services = faultyServices.flatMap((service, n) => {
        const faults = known(states[n])
        return faults === undefined ? [] : [{ service, faults }]
      })
      const counts = known(told.counts)
      const audit = known(told.audit)
      const unfinished = counts && counts.pending + counts.compensating
      return {
        services,
        promises: judgePromises({
          audit,
          unfinished,
          faultsGoOn: services.some(({ faults }) => faults === null || faults.until !== null),
        }),
        auditedAt: audit && audit.auditedAt,
        unfinished,
        unavailable: awayOf([...states, told.audit, told.counts]),
        at,
      }
    })
    return yield* route({
      method: "GET",
      path: "/api/console/faults",
      summary: "The faults that are set, and whether what is promised holds",
      tag: "faults",
      permit,
      answer: { status: 200, description: "As far as the services tell", schema: FaultsShown },
      problems: [429],
      handle: () => Effect.map(look, (body) => ({ body })),
    })
  })

const actions = ({ permit, trustProxy }: ActionOptions) =>
  Effect.gen(function* () {
    const act = yield* acting(trustProxy)
    return yield* Effect.all([
      route({
        method: "POST",
        path: "/api/console/faults/:service",
        summary: "Set faults of a service in the place of those that are set, or mend them all",
        tag: "faults",
        permit,
        params: FaultyParams,
        body: { schema: FaultsWanted, maxBytes: publicBodyBytes, example: faultsExample },
        answer: { status: 200, description: "The faults from now on", schema: FaultState },
        problems: [404, 429],
        handle: (input) =>
          act(input, {
            service: input.params.service,
            action: "faults-set",
            target: input.params.service,
            path: "/internal/faults",
            body: input.body,
            schema: FaultState,
          }),
      }),
      route({
        method: "POST",
        path: "/api/console/orchestrator/kill",
        summary: "Kill an orchestrator: the one that is asked, which is started again",
        tag: "faults",
        permit,
        body: { schema: FaultReason, maxBytes: publicBodyBytes, example: reasonExample },
        answer: { status: 202, description: "It is about to be gone", schema: Schema.Struct({}) },
        problems: [404, 429],
        handle: (input) =>
          act(input, {
            service: "orchestrator",
            action: "orchestrator-kill",
            path: "/internal/kill",
            body: input.body,
            schema: Schema.Struct({}),
          }),
      }),
      route({
        method: "POST",
        path: "/api/console/queue/wipe",
        summary: "Lose the order queue: its entries, its consumers and its dead letters",
        tag: "faults",
        permit,
        body: { schema: FaultReason, maxBytes: publicBodyBytes, example: reasonExample },
        answer: { status: 200, description: "What was lost", schema: Wiped },
        problems: [404, 429],
        handle: (input) =>
          act(input, {
            service: "orchestrator",
            action: "queue-wipe",
            path: "/internal/queue/wipe",
            body: input.body,
            schema: Wiped,
          }),
      }),
    ])
  })

export const faultRoutes = (options: ActionOptions) =>
  Effect.map(
    Effect.all([shown(options.permit), actions(options)]),
    ([shown, actions]) => [shown, ...actions],
  )
