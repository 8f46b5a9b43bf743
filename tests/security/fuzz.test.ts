/**
 * Every operation of every service gets requests that its own OpenAPI document allows, and others:
 * the answer is one that the document has, with a body of its schema, and never an internal error.
 */
import { Effect, Exit, Schema, Scope } from "effect"
import fc from "fast-check"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { ProblemDetails } from "#shared/http/problem.ts"
import { type ServiceName, serviceNames } from "#shared/roster.ts"
import { operatorHeader } from "#shared/security/user-tokens.ts"
import { atLength } from "#tests/support/length.ts"
import { fitting, junk, misfit, type Schema as JsonSchema, spoilt } from "./json-schema.ts"
import { type Principal, principals } from "./principals.ts"
import { type Services, startRunningServicesWith } from "./running-services.ts"

interface Content {
  readonly content?: Readonly<
    Record<string, { readonly schema: JsonSchema; readonly example?: unknown }>
  >
}

interface Operation {
  readonly security?: ReadonlyArray<Readonly<Record<string, ReadonlyArray<string>>>>
  readonly parameters: ReadonlyArray<{
    readonly name: string
    readonly in: "path" | "query" | "header"
    readonly required: boolean
    readonly schema: JsonSchema
  }>
  readonly requestBody?: Required<Content>
  readonly responses: Readonly<Record<string, Content>>
}

interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> }
}

/** A request; the path still has the names of its parameters. */
interface Sent {
  readonly params: Readonly<Record<string, string>>
  readonly query: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

const runs = atLength(40, 200)
const scope = Scope.makeUnsafe()
let services: Services
let everybody: ReadonlyArray<Principal>
/** Values in paths that exist. */
const known: Record<string, string> = { participant: "items", service: "items" }

beforeAll(async () => {
  services = await Effect.runPromise(
    Scope.provide(startRunningServicesWith({ FAULTS: "1" }), scope),
  )
  const ada = await services.customer()
  everybody = await principals(services, ada, ada)
  known["username"] = ada.username
  const placed = await services.send("orders", "/api/orders/", {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${ada.access}`,
      prefer: "wait=30",
    },
    body: JSON.stringify({ amount: 1, item: 1, slot: "09:00" }),
  })
  known["id"] = (await placed.json() as { readonly id: string }).id
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const segment = (text: string) => {
  const encoded = encodeURIComponent(text.toWellFormed())
  // URLs resolve these segments.
  return /^\.{0,2}$/.test(text) ? "%20" : encoded
}

const headerText = fc.string({ unit: fc.constantFrom(..."aZ09 ,;=\"'-_./") }).map((s) => s.trim())

const texts = (schema: JsonSchema, document: Document) =>
  fc.oneof(
    { weight: 3, arbitrary: fitting(schema, document.components.schemas).map(String) },
    { weight: 1, arbitrary: junk.map((value) => `${JSON.stringify(value)}`) },
    { weight: 1, arbitrary: fc.string({ unit: "grapheme" }) },
    { weight: 5, arbitrary: fc.constantFrom("10", known["id"]!) },
  )

const rightBodies = (operation: Operation, document: Document) => {
  const { schema, example } = operation.requestBody?.content["application/json"] ?? {}
  if (schema === undefined) return undefined
  // An example shows what the schema does not say, such as the form of an e-mail address.
  const examples = example === undefined ? [] : [fc.constant(example)]
  return fc.oneof(fitting(schema, document.components.schemas), ...examples)
}

/**
 * Requests in which only the body may be wrong: the example, if there is one, and some more, also
 * by an unlucky seed.
 */
const plainRequests = (operation: Operation, document: Document): ReadonlyArray<[Sent]> => {
  const right = rightBodies(operation, document)
  if (right === undefined) return []
  const { example } = operation.requestBody!.content["application/json"]!
  const bodies = [...(example === undefined ? [] : [example]), ...fc.sample(right, 10)]
  return bodies.map((body) => [{
    params: known,
    query: "",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  }])
}

const bodies = (operation: Operation, document: Document): fc.Arbitrary<string | undefined> => {
  const right = rightBodies(operation, document)
  if (right === undefined) return fc.constant(undefined)
  return fc.oneof(
    { weight: 4, arbitrary: right.map((value) => JSON.stringify(value)) },
    { weight: 6, arbitrary: right.chain(spoilt).map((value) => JSON.stringify(value) ?? "") },
    { weight: 1, arbitrary: junk.map((value) => JSON.stringify(value)) },
    {
      weight: 1,
      arbitrary: right.map((value) =>
        JSON.stringify(value).replace(/^\{("[^"]*"):/, "{$1:null,$1:")
      ),
    },
    { weight: 1, arbitrary: fc.string() },
    { weight: 1, arbitrary: fc.constantFrom("", "[".repeat(9_000), "x".repeat(5_000_000), "{") },
  )
}

const requests = (operation: Operation, document: Document): fc.Arbitrary<Sent> => {
  const at = (where: string) => operation.parameters.filter((parameter) => parameter.in === where)
  const some = (where: string, values: (schema: JsonSchema) => fc.Arbitrary<string>) =>
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record(
          Object.fromEntries(at(where).map(({ name, schema }) => [name, values(schema)])),
          { requiredKeys: [] },
        ),
      },
      // With many headers, one of them is nearly always wrong.
      { weight: 1, arbitrary: fc.constant<Record<string, string>>({}) },
    )
  return fc.record({
    params: fc.record(
      Object.fromEntries(
        at("path").map(({ name, schema }) => [
          name,
          fc.oneof(
            fc.constant(() => known[name]!),
            texts(schema, document).map((text) => () => text),
          ),
        ]),
      ),
    ).map((all) => new Proxy({}, { get: (_, name) => all[name as string]?.() })),
    query: fc.tuple(
      some("query", (schema) => texts(schema, document)),
      fc.oneof(
        { weight: 6, arbitrary: fc.constant("") },
        {
          weight: 1,
          arbitrary: fc.constantFrom("&surprise=1", "&limit=1&limit=2", "&%00=%ff", "&="),
        },
      ),
    ).map(([all, more]) =>
      Object.entries(all).map(([name, value]) => `${name}=${segment(value!)}`).join("&") + more
    ),
    headers: fc.tuple(
      some("header", (schema) =>
        fc.oneof(
          fitting(schema, document.components.schemas).map((value) =>
            String(value).replace(/[^\x20-\x7e]/g, "").trim()
          ),
          headerText,
          // The last event id of a client that has seen every event.
          fc.constant("99"),
        )),
      fc.oneof(
        { weight: 9, arbitrary: fc.constant("application/json") },
        { weight: 1, arbitrary: fc.constantFrom("text/plain", "", "application/json, x") },
      ),
      fc.option(headerText, { nil: "" }),
    ).map(([all, type, id]) => ({ ...all, "content-type": type, "x-request-id": id })),
    body: bodies(operation, document),
  }) as fc.Arbitrary<Sent>
}

const callerOf = ({ security }: Operation): Principal => {
  const [scheme, callers = []] = Object.entries(security?.[0] ?? { none: [] })[0]!
  const is = scheme === "none" ? "nobody" : scheme === "user" ? "user" : callers[0]
  const takesOperators = security?.[0]?.["operator"] !== undefined || callers.includes("operator")
  return everybody.find((one) =>
    one.is === (callers.includes("operator") ? "user" : is) &&
    (one.isOperator ?? one.handsOn?.isOperator ?? false) === takesOperators
  )!
}

const decode = Schema.decodeUnknownSync(Schema.fromJsonString(ProblemDetails), {
  onExcessProperty: "error",
})

/** Asserts that the document has the answer. */
const assertKnown = async (answer: Response, operation: Operation, { components }: Document) => {
  const { status, headers } = answer
  const declared = operation.responses[status]
  const type = headers.get("content-type")
  if (type === "text/event-stream") await answer.body?.cancel()
  const text = type === "text/event-stream" ? "" : await answer.text()
  assert.isBelow(status === 503 ? 0 : status, 500, text)
  assert.isDefined(declared, `${status} is not declared: ${text}`)
  assert.strictEqual(headers.get("x-content-type-options"), "nosniff")
  assert.match(headers.get("x-request-id") ?? "", /^[\w.-]{1,64}$/)
  if (status >= 400) {
    const problem = decode(text)
    assert.strictEqual(type, "application/problem+json")
    assert.strictEqual(problem.status, status)
    assert.strictEqual(problem.requestId, headers.get("x-request-id"))
    assert.notMatch(text, /\bat \w+ \(|node_modules|postgres|select /i)
    return
  }
  const { content = {} } = declared!
  assert.deepStrictEqual(type === null ? [] : [type], Object.keys(content))
  const schema = content["application/json"]?.schema
  if (schema === undefined) return
  assert.isUndefined(misfit(schema, JSON.parse(text), components.schemas), text)
}

/** Sends requests to an operation, and returns the statuses of the answers. */
const fuzz = async (service: ServiceName, method: string, path: string, document: Document) => {
  const operation = document.paths[path]![method]!
  const seen = new Set<number>()
  // An operation that ends sessions gets one that no other test needs.
  const loser = method === "delete" ? `Bearer ${(await services.customer()).access}` : undefined
  const caller = callerOf(operation)
  await fc.assert(
    fc.asyncProperty(requests(operation, document), async (sent) => {
      const target = path.replace(/\{(\w+)\}/g, (_, name) => segment(sent.params[name]!))
      const authorization = loser ?? (await caller.shows(service))
      const answer = await services.send(service, `${target}?${sent.query}`, {
        method: method.toUpperCase(),
        headers: {
          ...sent.headers,
          ...(authorization !== undefined && { authorization }),
          ...(caller.handsOn && { [operatorHeader]: `Bearer ${caller.handsOn.access}` }),
        },
        ...(sent.body !== undefined && { body: sent.body }),
      })
      seen.add(answer.status)
      await assertKnown(answer, operation, document)
    }),
    { numRuns: runs, examples: [...plainRequests(operation, document)] },
  )
  return seen
}

/** Faults are set last: they affect all services. */
const breaks = (path: string) => /\/faults\b|\/queue\/wipe$/.test(path)
/** Not tried: a service that is killed answers nothing for a while. */
const kills = (path: string) => path.endsWith("/kill")

const passes = [
  ["answers", (path: string) => !breaks(path) && !kills(path)],
  ["sets faults and answers", breaks],
] as const
const cases = passes.flatMap(([does, has]) =>
  serviceNames.map((service) => ({ service, does, has }))
)

describe("an operation with arbitrary requests", () => {
  it.each(cases)("$does as its document says: $service", async ({ service, has }) => {
    const document = await (await services.send(service, "/openapi.json")).json() as Document
    for (const [path, methods] of Object.entries(document.paths)) {
      if (!has(path)) continue
      for (const method of Object.keys(methods)) {
        const seen = await fuzz(service, method, path, document).catch((error) => {
          throw new Error(`${method} ${path}: ${error.message}`, { cause: error })
        })
        // Otherwise only one kind of body was tried.
        if (method === "post") assert.include([...seen], 400, path)
        // The number of wrong passwords is limited.
        const refused = [401, 403, 404, 409, 429]
        const right = [...seen].some((status) => status < 300 || refused.includes(status))
        assert.isTrue(right, `${method} ${path}: ${[...seen]}`)
      }
    }
  })
})
