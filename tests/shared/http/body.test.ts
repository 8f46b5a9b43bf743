import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import fc from "fast-check"
import { makeApp } from "#shared/http/app.ts"
import type { App } from "#shared/http/doors.ts"
import { anyone, guardedRoute, publicBodyBytes } from "#shared/http/route.ts"
import { oneDoor } from "#tests/support/one-door.ts"
import { assertRefused, badBodies, inChunks, marker } from "./bad-bodies.ts"

const Thing = Schema.Struct({
  name: Schema.NonEmptyString.check(Schema.isMaxLength(20)),
  tags: Schema.Array(Schema.NonEmptyString),
})
const Forms = Schema.Union([
  Schema.Struct({ count: Schema.Int, size: Schema.Int }),
  Schema.Struct({ count: Schema.Int, box: Schema.Struct({ size: Schema.Int }) }),
])
const Lines = Schema.Struct({
  lines: Schema.Array(
    Schema.Struct({ sku: Schema.String, note: Schema.optionalKey(Schema.String) }),
  ),
})
const valid = { name: "ünï 😀", tags: ["a"] }

const echo = <A>(path: string, schema: Schema.Codec<A, unknown>) =>
  guardedRoute(anyone, {
    method: "POST",
    path,
    summary: "Gives back what it got",
    body: { schema, maxBytes: publicBodyBytes },
    answer: { status: 200, description: "The same", schema: Schema.Unknown },
    handle: ({ body }) => Effect.succeed({ body }),
  })

const app: Effect.Effect<App> = Effect.map(
  makeApp({
    name: "echo",
    description: "",
    routes: [echo("/things/", Thing), echo("/forms/", Forms), echo("/lines/", Lines)],
    ready: {},
  }),
  oneDoor,
)

const post = async (app: App, path: string, body: BodyInit, type = "application/json") => {
  const init = { method: "POST", body, headers: { "content-type": type }, duplex: "half" }
  const response = await app.request(path, init as RequestInit)
  return { status: response.status, body: await response.json() }
}

describe("a body", () => {
  for (const bad of badBodies('{"name":"TEXT","tags":["a"]}', publicBodyBytes)) {
    it.effect(`is refused: ${bad.name}`, () =>
      Effect.gen(function* () {
        const it = yield* app
        yield* Effect.promise(() => assertRefused(it, "/things/", bad))
      }))
  }

  it.effect("is accepted as JSON in UTF-8, with and without a length, a charset and a BOM", () =>
    Effect.gen(function* () {
      const it = yield* app
      const text = JSON.stringify(valid)
      const answer = { status: 200, body: valid }
      const send = (body: BodyInit, type?: string) =>
        Effect.promise(() => post(it, "/things/", body, type))
      assert.deepStrictEqual(yield* send(text), answer)
      assert.deepStrictEqual(yield* send(text, "Application/JSON; charset=UTF-8"), answer)
      assert.deepStrictEqual(yield* send(inChunks(text, 1)), answer)
      assert.deepStrictEqual(yield* send(`\uFEFF${text}`), answer)
      // Chunks may end anywhere, also within a character.
      const bytes = Buffer.from(text)
      const single = new ReadableStream({
        start: (controller) => {
          for (const byte of bytes) controller.enqueue(new Uint8Array([byte]))
          controller.close()
        },
      })
      assert.deepStrictEqual(yield* send(single), answer)
    }))

  it.effect("may have as many bytes as the limit, and not one more", () =>
    Effect.gen(function* () {
      const it = yield* app
      const text = JSON.stringify(valid)
      const filled = text.padEnd(publicBodyBytes - Buffer.byteLength(text) + text.length)
      assert.strictEqual((yield* Effect.promise(() => post(it, "/things/", filled))).status, 200)
      assert.strictEqual(
        (yield* Effect.promise(() => post(it, "/things/", `${filled} `))).status,
        413,
      )
    }))

  it.effect("is told all its mistakes at once, by the names of its fields", () =>
    Effect.gen(function* () {
      const it = yield* app
      const body = JSON.stringify({ tags: ["", marker, 7], extra: marker })
      const answer = yield* Effect.promise(() => post(it, "/things/", body))
      assert.deepStrictEqual(answer.body.errors, [
        { path: "extra", message: "is not a known field" },
        { path: "name", message: "is missing" },
        { path: "tags.0", message: "Expected a value with a length of at least 1" },
        { path: "tags.2", message: "Expected string" },
      ])
      assert.include(answer.body.detail, "extra: is not a known field; name: is missing")
    }))

  it.effect("of several forms is told about the form that it is closest to", () =>
    Effect.gen(function* () {
      const it = yield* app
      const send = (body: unknown) =>
        Effect.promise(() => post(it, "/forms/", JSON.stringify(body)))
      assert.strictEqual((yield* send({ count: 1, size: 2 })).status, 200)
      assert.strictEqual((yield* send({ count: 1, box: { size: 2 } })).status, 200)
      assert.deepStrictEqual((yield* send({ count: 1, size: "2" })).body.errors, [
        { path: "size", message: "Expected number" },
      ])
      assert.deepStrictEqual((yield* send({ count: 1, box: { size: "2" } })).body.errors, [
        { path: "box.size", message: "Expected number" },
      ])
      assert.strictEqual((yield* send({ count: 1, size: 2, box: { size: 2 } })).status, 400)
    }))

  it.effect("may have no unknown field, at any depth and of any name", () =>
    Effect.gen(function* () {
      const it = yield* app
      const errorsOf = (path: string, text: string) =>
        Effect.map(Effect.promise(() => post(it, path, text)), ({ body }) => body.errors)
      const refused = (path: string) => [{ path, message: "is not a known field" }]
      for (const name of ["extra", "toString", "__proto__", "constructor", "0"]) {
        const text = `{"${name}":{},"name":"a","tags":[]}`
        assert.deepStrictEqual(yield* errorsOf("/things/", text), refused(name))
        const inside = `{"count":1,"box":{"size":2,"${name}":null}}`
        assert.deepStrictEqual(yield* errorsOf("/forms/", inside), refused(`box.${name}`))
        const deep = `{"lines":[{"sku":"a"},{"sku":"b","${name}":1}]}`
        assert.deepStrictEqual(yield* errorsOf("/lines/", deep), refused(`lines.1.${name}`))
      }
    }))

  it.effect("with a thousand mistakes gets an answer of a bounded size", () =>
    Effect.gen(function* () {
      const it = yield* app
      const many = { name: "a", tags: Array(5_000).fill(1) }
      const keys = Object.fromEntries(Array.from({ length: 1_000 }, (_, n) => [`k${n}`, 1]))
      const long = { ...valid, [marker.repeat(1_000)]: 1 }
      for (const body of [many, keys, long]) {
        const answer = yield* Effect.promise(() => post(it, "/things/", JSON.stringify(body)))
        assert.strictEqual(answer.status, 400)
        assert.isBelow(JSON.stringify(answer.body).length, 4_000)
      }
    }))

  it("of any JSON gets an answer or a problem, never an internal error", () =>
    Effect.runPromise(Effect.gen(function* () {
      const it = yield* app
      const near = fc.record({ name: fc.anything(), tags: fc.array(fc.anything()) })
      yield* Effect.promise(() =>
        fc.assert(
          fc.asyncProperty(fc.oneof(fc.jsonValue(), near), async (value) => {
            const { status, body } = await post(it, "/things/", JSON.stringify(value) ?? "")
            if (status === 200) assert.deepStrictEqual(body, JSON.parse(JSON.stringify(value)))
            else assert.strictEqual(status, 400)
          }),
          { numRuns: 500 },
        )
      )
    })))
})
