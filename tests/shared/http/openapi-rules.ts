/** What makes an OpenAPI 3.1 document good enough to generate clients from. */
import { assert } from "@effect/vitest"

type Json = Readonly<Record<string, unknown>>
const isJson = (value: unknown): value is Json => typeof value === "object" && value !== null

/** Every object in the document, with the path to it. */
const walk = function* (value: unknown, path = "#"): Generator<readonly [string, Json]> {
  if (!isJson(value)) return
  yield [path, value]
  for (const [key, part] of Object.entries(value)) yield* walk(part, `${path}/${key}`)
}

const resolve = (document: Json, reference: string): unknown =>
  reference.slice(2).split("/").reduce<unknown>(
    (value, key) => isJson(value) ? value[decodeURIComponent(key)] : undefined,
    document,
  )

/** Checks the document, and that it has exactly these operations ("GET /things/{id}"). */
export const assertDescribes = (document: Json, operations: ReadonlyArray<string>): void => {
  assert.strictEqual(document["openapi"], "3.1.0")
  const info = document["info"] as Json
  for (const field of ["title", "version"]) assert.isString(info[field], field)
  const paths = document["paths"] as Readonly<Record<string, Readonly<Record<string, Json>>>>
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const name = `${method.toUpperCase()} ${path}`
      assertOperation(document, name, path, operation)
      return name
    })
  )
  assert.deepStrictEqual(described.toSorted(), operations.toSorted())
  for (const [path, part] of walk(document)) {
    if (typeof part["$ref"] === "string") {
      assert.isDefined(resolve(document, part["$ref"]), `${path} refers to ${part["$ref"]}`)
    }
    if (part["type"] === "object" && isJson(part["properties"])) {
      assert.strictEqual(part["additionalProperties"], false, `${path} takes unknown fields`)
      const required = (part["required"] ?? []) as ReadonlyArray<string>
      for (const field of required) assert.property(part["properties"], field, path)
    }
  }
}

const assertOperation = (document: Json, name: string, path: string, operation: Json): void => {
  assert.isString(operation["summary"], name)
  const parameters = (operation["parameters"] ?? []) as ReadonlyArray<Json>
  const named = parameters.filter((parameter) => parameter["in"] === "path")
  assert.deepStrictEqual(
    named.map((parameter) => parameter["name"]),
    [...path.matchAll(/\{(\w+)\}/g)].map(([, word]) => word),
    name,
  )
  for (const parameter of parameters) assert.isObject(parameter["schema"], name)
  const responses = operation["responses"] as Readonly<Record<string, Json>>
  assert.isTrue(Object.keys(responses).some((status) => status.startsWith("2")), name)
  for (const [status, response] of Object.entries(responses)) {
    assert.isString(response["description"], `${name} ${status}`)
    const content = (response["content"] ?? {}) as Readonly<Record<string, Json>>
    const types = status.startsWith("2")
      ? ["application/json", "text/event-stream"]
      : ["application/problem+json"]
    for (const [key, { schema }] of Object.entries(content)) {
      assert.include(types, key, `${name} ${status}`)
      assert.isObject(schema, `${name} ${status}`)
    }
  }
  const schemes = (document["components"] as Json)["securitySchemes"] as Json
  for (const requirement of (operation["security"] ?? []) as ReadonlyArray<Json>) {
    for (const scheme of Object.keys(requirement)) assert.property(schemes, scheme, name)
  }
}
