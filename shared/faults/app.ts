/**
 * The app of a service that sagas call, with faults that operators may set if FAULTS=1. Otherwise
 * it is the plain app: nothing stands between a request and its route, and the routes that set
 * faults do not exist.
 */
import { Effect } from "effect"
import { faultsExample, FaultState, FaultsWanted } from "#shared/contracts/faults.ts"
import { type AppOptions, makeApp } from "#shared/http/app.ts"
import { publicBodyBytes, type Route, route } from "#shared/http/route.ts"
import type { RouteKey } from "#shared/security/permissions.ts"
import { type Faults, makeFaults } from "./faults.ts"

/** The routes that sagas call. All others keep working, so that operators can watch the effect. */
const asked: ReadonlyArray<string> = [
  "POST /internal/reservations",
  "POST /internal/decisions",
] satisfies ReadonlyArray<RouteKey>

const meeting = ({ meet }: Faults) => (one: Route): Route =>
  asked.includes(`${one.method} ${one.path}`)
    ? {
      ...one,
      respond: (request, parts) => meet(one.respond(request, parts), parts.closing),
    }
    : one

const faultRoutes = ({ state, set }: Faults) =>
  Effect.all([
    route({
      method: "GET",
      path: "/internal/faults",
      summary: "The faults that are set here, and how many requests met them",
      answer: { status: 200, description: "The faults", schema: FaultState },
      handle: () => Effect.map(state, (body) => ({ body })),
    }),
    route({
      method: "POST",
      path: "/internal/faults",
      summary: "Replace the faults that are set, or clear them all",
      body: { schema: FaultsWanted, maxBytes: publicBodyBytes, example: faultsExample },
      answer: { status: 200, description: "The faults that are now in force", schema: FaultState },
      handle: Effect.fnUntraced(function* ({ body, caller }) {
        const now = yield* set(body)
        yield* Effect.annotateLogs(
          Effect.logWarning("An operator set faults here"),
          { ...body, operator: caller.username, until: now.until },
        )
        return { body: now }
      }),
    }),
  ])

/** Makes the apps of the service; `allowed` is the setting FAULTS. */
export const appWithFaults = (allowed: boolean, options: AppOptions) =>
  Effect.gen(function* () {
    if (!allowed) return yield* makeApp(options)
    const faults = yield* makeFaults
    const routes = [...options.routes.map(meeting(faults)), ...(yield* faultRoutes(faults))]
    return yield* makeApp({ ...options, routes })
  })
