/**
 * The OpenAPI documents as a person tries them out: their own examples work, and they declare
 * everything that is sent.
 */
import { assert, describe, it } from "vitest"
import { newCustomer, send } from "./client.ts"

interface Parameter {
  readonly name: string
  readonly in: string
  readonly example?: string
}

interface Operation {
  readonly method: string
  readonly path: string
  readonly tags: ReadonlyArray<string>
  readonly parameters: ReadonlyArray<Parameter>
  readonly security?: ReadonlyArray<object>
  readonly requestBody?: { readonly content: { readonly "application/json": { example: object } } }
  readonly responses: Readonly<Record<string, { readonly headers: object }>>
}

/** Every operation of the documentation. */
const documented = async (): Promise<ReadonlyArray<Operation>> => {
  const start = (await send("/docs/start.js")).text
  const documents = [...start.matchAll(/"(\/openapi\/\w+\.json)"/g)].map(([, path]) => path!)
  const texts = await Promise.all(documents.map((path) => send(path)))
  return texts.flatMap(({ text }) => {
    const { paths } = JSON.parse(text) as { paths: Record<string, Record<string, Operation>> }
    return Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        ...operation,
        method: method.toUpperCase(),
        path,
      }))
    )
  })
}

const operationOf = async (name: string): Promise<Operation> =>
  (await documented()).find(({ method, path }) => `${method} ${path}` === name)!

const exampleOf = ({ requestBody }: Operation) => requestBody!.content["application/json"].example

/** Headers that HTTP itself, the server or a gateway adds to any answer. */
const ofEveryAnswer =
  /^(content-|connection|keep-alive|date|cache-control|transfer-encoding|server|vary|via|x-accel|x-content|referrer|strict-)/

const undeclared = (headers: Headers, operation: Operation, status: number) => {
  const declared = Object.keys(operation.responses[status]?.headers ?? {})
  const known = new Set(declared.map((name) => name.toLowerCase()))
  return [...headers.keys()].filter((name) => !known.has(name) && !ofEveryAnswer.test(name))
}

describe("the OpenAPI documents", () => {
  it("have examples that work unchanged: for a sign-up, a log-in and an order", async () => {
    const signUp = await operationOf("POST /api/auth/users/")
    const { status, text } = await send(signUp.path, { body: exampleOf(signUp) })
    // The user may exist from an earlier run.
    assert.include([201, 409], status, text)
    const logIn = await operationOf("POST /api/token/")
    const tokens = await send(logIn.path, { body: exampleOf(logIn) })
    assert.strictEqual(tokens.status, 200, tokens.text)
    const { access } = JSON.parse(tokens.text) as { readonly access: string }
    const order = await operationOf("POST /api/orders/")
    const prefer = order.parameters.find(({ name }) => name === "Prefer")!.example!
    const placed = await send(order.path, {
      token: access,
      body: exampleOf(order),
      headers: { prefer },
    })
    assert.strictEqual(placed.status, 201, placed.text)
    const { status: standing, reason } = JSON.parse(placed.text)
    assert.isTrue(standing === "completed" || reason === "Not enough money", placed.text)
    assert.deepStrictEqual(undeclared(placed.headers, order, 201), [])
  })

  it("have an example for every body, none of whose fields is refused", async () => {
    const operations = (await documented()).filter(({ requestBody }) => requestBody)
    assert.isAtLeast(operations.length, 5)
    const { access } = await newCustomer()
    for (const operation of operations) {
      const token = operation.security ? { token: access } : {}
      const { status, text } = await send(operation.path, { body: exampleOf(operation), ...token })
      assert.notInclude([400, 415, 422], status, `${operation.path}: ${text}`)
    }
  })

  it("declare all headers, and group each route by its resource", async () => {
    const placing = await operationOf("POST /api/orders/")
    const headersOf = ({ parameters }: Operation) =>
      parameters.filter((parameter) => parameter.in === "header").map(({ name }) => name)
    assert.deepStrictEqual(headersOf(placing), ["Idempotency-Key", "Prefer"])
    assert.deepStrictEqual(
      headersOf(await operationOf("GET /api/orders/{id}/events")),
      ["Last-Event-ID"],
    )
    for (const { tags, path } of await documented()) assert.lengthOf(tags, 1, path)
    const { access } = await newCustomer()
    const body = exampleOf(placing)
    const headers = { "idempotency-key": "tried twice", prefer: "wait=5" }
    const first = await send(placing.path, { token: access, body, headers })
    const again = await send(placing.path, { token: access, body, headers })
    assert.strictEqual(again.headers.get("idempotent-replayed"), "true")
    for (const { headers } of [first, again]) {
      assert.deepStrictEqual(undeclared(headers, placing, 201), [])
    }
    await send(placing.path, { token: access, body })
    const listing = await operationOf("GET /api/orders/")
    const page = await send(`${listing.path}?limit=1`, { token: access })
    assert.match(page.headers.get("link") ?? "", /rel="prev"/)
    assert.deepStrictEqual(undeclared(page.headers, listing, 200), [])
    const refused = await send(listing.path)
    assert.strictEqual(refused.headers.get("www-authenticate"), "Bearer")
    assert.deepStrictEqual(undeclared(refused.headers, listing, 401), [])
  })
})
