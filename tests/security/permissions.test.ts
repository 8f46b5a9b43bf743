/**
 * Every route of every service is called by every principal: exactly those that the table of
 * permissions names are let in.
 */
import { Effect, Exit, Schema, Scope } from "effect"
import { decodeJwt } from "jose"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { route, withoutSlash } from "#shared/http/route.ts"
import { callers, roster, type ServiceName, serviceNames } from "#shared/roster.ts"
import { type Permission, permissions } from "#shared/security/permissions.ts"
import { operatorHeader } from "#shared/security/user-tokens.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { expiredAtMs, type Principal, principals } from "./principals.ts"
import {
  type Customer,
  type Served,
  servedBy,
  type Services,
  startRunningServicesWith,
} from "./running-services.ts"

/** The table, by the keys of the apps: methods, and paths without a slash at the end. */
const rows = new Map<string, Permission>(
  Object.entries(permissions).map(([key, permission]) => [withoutSlash(key), permission]),
)
const keyOf = ({ method, path }: Served) => `${method} ${path}`

const scope = Scope.makeUnsafe()
let services: Services
let everybody: ReadonlyArray<Principal>
let ada: Customer
let bob: Customer
let order: string

const sessionOf = ({ access }: Customer) => decodeJwt(access)["sid"] as string

const json = { "content-type": "application/json" }

beforeAll(async () => {
  services = await Effect.runPromise(
    Scope.provide(startRunningServicesWith({ FAULTS: "1" }), scope),
  )
  ada = await services.customer()
  bob = await services.customer()
  everybody = await principals(services, ada, bob)
  const placed = await services.send("orders", "/api/orders/", {
    method: "POST",
    headers: { ...json, authorization: `Bearer ${ada.access}`, prefer: "wait=30" },
    body: JSON.stringify({ amount: 1, item: 1, slot: "09:00" }),
  })
  order = (await placed.json() as { id: string }).id
  const expired = everybody.find(({ name }) => name === "an expired token")!
  const end = expiredAtMs((await expired.shows("auth"))!)
  await until("the token has expired", patienceMs, () => Promise.resolve(Date.now() > end))
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

/**
 * Sends a request as the principal, with a body that no route accepts, so that nothing is done for
 * those who are let in. Requests that end sessions come from users who have one to lose: bob for
 * another user's, all others for their own.
 */
const ask = async (
  { service, method, path }: Served,
  { shows, is, name, handsOn }: Principal,
) => {
  const loser = method === "DELETE" && is === "user" ? await services.customer() : undefined
  const authorization = loser === undefined ? await shows(service) : `Bearer ${loser.access}`
  const own = loser === undefined || name === "bob" ? order : sessionOf(loser)
  const { status, headers, body } = await services.send(
    service,
    path.replace(":username", ada.username).replace(":id", own).replace(
      /:(participant|service)/,
      "items",
    ),
    {
      method,
      headers: {
        ...json,
        ...(authorization !== undefined && { authorization }),
        ...(handsOn && { [operatorHeader]: `Bearer ${handsOn.access}` }),
      },
      ...(method === "POST" && { body: '{"nothing":"that is known"}' }),
    },
  )
  // An event stream goes on while it has a reader.
  await body?.cancel()
  return { status, headers }
}

/**
 * What the table says about the principal at the route: the status of the refusal, or null for
 * those who are let in.
 */
const expectedOf = (
  { path, method }: Served,
  permission: Permission,
  { name, is, isOperator = false, handsOn }: Principal,
) => {
  if (permission === "anyone" || permission === "anyone inside") return null
  if (permission === "signed-in operator") {
    if (is !== "user") return 401
    return isOperator ? null : 403
  }
  if (permission === "user") {
    if (is !== "user") return 401
    // In the shop an operator is a user like others.
    const isAnothers = name === "bob" || (isOperator && method !== "DELETE")
    return isAnothers && path.includes(":") ? 404 : null
  }
  if (is === "nobody" || is === "user") return 401
  if (permission === "operator") {
    if (is !== "console" || handsOn?.isOperator === false) return 403
    return handsOn === undefined ? 401 : null
  }
  return permission.includes(is) ? null : 403
}

/** How the OpenAPI document says who is let in. */
const securityOf = (permission: Permission) => {
  switch (permission) {
    case "anyone":
    case "anyone inside":
      return undefined
    case "user":
      return [{ user: [] }]
    case "signed-in operator":
      return [{ user: ["operator"] }]
    case "operator":
      return [{ service: ["console"], operator: [] }]
    default:
      return [{ service: permission }]
  }
}

/** Principals who are let in get an answer, or learn that the request is invalid or too late. */
const letIn = [200, 204, 400, 409]

describe("the table of permissions", () => {
  it("has a row for each route that a service answers, and no other", () => {
    const served = new Set(servedBy(services.apps).map(keyOf))
    assert.deepStrictEqual([...served].toSorted(), [...rows.keys()].toSorted())
  })

  it("is required by the compiler to have a row for each route", () => {
    const spec = {
      summary: "",
      answer: { status: 200, description: "", schema: Schema.Unknown },
      handle: () => Effect.succeed({ body: {} }),
    }
    // @ts-expect-error: there is no such row.
    assert.isDefined(route({ ...spec, method: "GET", path: "/api/secrets" }))
    // @ts-expect-error: the row is of another method.
    assert.isDefined(route({ ...spec, method: "POST", path: "/api/accounts/:username" }))
    assert.isDefined(route({ ...spec, method: "GET", path: "/.well-known/jwks.json" }))
  })

  it("decides at each route who is let in, and why others are not", async () => {
    assert.isAtLeast(everybody.length, 40)
    const wrong: Array<string> = []
    let asked = 0
    for (const route of servedBy(services.apps)) {
      for (const principal of everybody) {
        const expected = expectedOf(route, rows.get(keyOf(route)) ?? "anyone", principal)
        const { status, headers } = await ask(route, principal)
        asked++
        const right = expected === null ? letIn.includes(status) : status === expected
        const told = status !== 401 || headers.get("www-authenticate") === "Bearer"
        if (!right || !told) {
          wrong.push(`${route.service}: ${keyOf(route)} by ${principal.name}: ${status}`)
        }
      }
    }
    assert.deepStrictEqual(wrong, [])
    assert.isAtLeast(asked, 1_000)
  })

  it("shows no user another user's data in a list", async () => {
    const list = async ({ access }: Customer) =>
      await (await services.send("orders", "/api/orders/", {
        headers: { authorization: `Bearer ${access}` },
      })).text()
    assert.include(await list(ada), order)
    assert.strictEqual(await list(bob), "[]")
  })

  it("is what the OpenAPI documents say", async () => {
    for (const service of serviceNames) {
      const { paths } = await (await services.send(service, "/openapi.json")).json() as {
        readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>>
      }
      const described = Object.entries(paths).flatMap(([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({
          key: withoutSlash(`${method.toUpperCase()} ${path.replace(/\{(\w+)\}/g, ":$1")}`),
          security: (operation as { readonly security?: unknown }).security,
        }))
      )
      const served = servedBy(services.apps).filter((route) => route.service === service)
      assert.sameMembers(described.map(({ key }) => key), served.map(keyOf))
      for (const { key, security } of described) {
        const permission = rows.get(key)!
        assert.deepStrictEqual(security, securityOf(permission), key)
      }
    }
  })

  it("lets in services exactly as the roster's callers", () => {
    const inTable = new Set(
      servedBy(services.apps).flatMap((route) => {
        const permission = rows.get(keyOf(route))!
        if (permission === "operator") return [`console calls ${route.service}`]
        return typeof permission === "string"
          ? []
          : permission.map((caller) => `${caller} calls ${route.service}`)
      }),
    )
    const callsOf = (name: ServiceName): ReadonlyArray<string> => roster[name].calls
    const inRoster = callers.flatMap((name) =>
      callsOf(name).map((callee) => `${name} calls ${callee}`)
    )
    // The console checks the readiness of every service, also if it calls nothing else there; for
    // that it needs no token.
    const unproved = inRoster.filter((edge) => edge.startsWith("console ") && !inTable.has(edge))
    assert.sameMembers([...inTable, ...unproved], inRoster)
  })
})
