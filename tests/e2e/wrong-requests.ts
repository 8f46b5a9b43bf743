/**
 * Requests with every mistake that a client can make: each answer says what is wrong, and none is a
 * 5xx.
 */
import { assert, describe, it } from "vitest"
import { request } from "node:http"
import { anyCustomer, assertProblem, type Customer, newCustomer, send } from "./client.ts"
import { allowedAt, publicRoutes, routesWithBody } from "./routes.ts"
import { system } from "./system-under-test.ts"

for (const path of new Set(publicRoutes.map((route) => route.path))) {
  describe(`a wrong method at ${path}`, () => {
    const { example } = publicRoutes.find((route) => route.path === path)!
    const allowed = allowedAt(path)
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      if (allowed.includes(method)) continue
      it(`${method} is refused with the methods that are allowed`, async () => {
        const customer = await anyCustomer()
        const answer = await send(example(customer), { method, token: customer.access })
        assertProblem(answer, 405, "method_not_allowed")
        const allow = answer.headers.get("allow")?.split(", ") ?? []
        assert.sameMembers(allow, [...allowed])
      })
    }
  })
}

type Forger = (customer: Customer) => string | undefined

const parts = ({ access }: Customer) => access.split(".") as [string, string, string]
const claims = (customer: Customer) =>
  JSON.parse(Buffer.from(parts(customer)[1], "base64url").toString()) as object
const encoded = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")

const wrongTokens: ReadonlyArray<readonly [string, Forger]> = [
  ["none", () => undefined],
  ["an empty one", () => "Bearer "],
  ["garbage", () => "Bearer garbage"],
  ["another scheme", () => `Basic ${btoa("ada:secret")}`],
  ["a refresh token", ({ refresh }) => `Bearer ${refresh}`],
  ["one without its signature", (customer) => {
    const [head, payload] = parts(customer)
    return `Bearer ${head}.${payload}.`
  }],
  ["one with another's name in it", (customer) => {
    const [head, , signature] = parts(customer)
    return `Bearer ${head}.${encoded({ ...claims(customer), sub: "admin" })}.${signature}`
  }],
  ["one that needs no signature", (customer) => {
    const [, payload] = parts(customer)
    return `Bearer ${encoded({ alg: "none", typ: "at+jwt" })}.${payload}.`
  }],
]

for (const { method, path, example, body } of publicRoutes.filter((route) => route.needsToken)) {
  describe(`${method} ${path} without a valid token`, () => {
    for (const [name, authorization] of wrongTokens) {
      it(`is refused: ${name}`, async () => {
        const customer = await anyCustomer()
        const given = authorization(customer)
        const answer = await send(example(customer), {
          method,
          ...(given !== undefined && { headers: { authorization: given } }),
          ...(body !== undefined && { body }),
        })
        assertProblem(answer, 401, "unauthenticated")
        assert.match(answer.headers.get("www-authenticate") ?? "", /^Bearer/)
      })
    }
  })
}

for (const { method, path, example, body, needsToken } of routesWithBody) {
  describe(`${method} ${path} with a wrong body`, () => {
    const post = async (body: unknown, headers = {}) => {
      const customer = await anyCustomer()
      const token = needsToken ? { token: customer.access } : {}
      return await send(example(customer), { body, headers, ...token })
    }

    it("is refused if it is not JSON", async () => {
      for (const text of ["", "{", "{'a':1}", '{"a":1}}', "NaN", "[".repeat(16_000)]) {
        assertProblem(await post(text), 400, "malformed_json")
      }
      assertProblem(await post(Uint8Array.of(0x7b, 0xff, 0x7d)), 400, "malformed_json")
    })

    it("is refused if it is JSON but no object", async () => {
      for (const value of [null, true, 1, [], [body]]) {
        assertProblem(await post(JSON.stringify(value)), 400, "invalid_request")
      }
      assertProblem(await post('"text"'), 400, "invalid_request")
    })

    it("is refused with an unknown, missing or mistyped field, which is named", async () => {
      const wrong = [
        ["surprise", { ...body, surprise: 1 }],
        ["__proto__", JSON.parse(`{${JSON.stringify(body).slice(1, -1)},"__proto__":1}`) as object],
        ...Object.keys(body).flatMap((field) => [
          [field, { ...body, [field]: undefined }] as const,
          ...[null, true, [], {}].map((value) => [field, { ...body, [field]: value }] as const),
        ]),
      ] as const
      for (const [field, value] of wrong) {
        const { errors = [], detail } = assertProblem(await post(value), 400, "invalid_request")
        assert.include(errors.map(({ path }) => path), field)
        assert.include(detail, `${field}: `)
      }
    })

    it("is refused with a duplicate field, even with the same value", async () => {
      const text = JSON.stringify(body)
      for (const [name, value] of Object.entries(body)) {
        for (const again of [value, null, { deep: [{ [name]: 1 }] }]) {
          const twice = `${text.slice(0, -1)},"${name}":${JSON.stringify(again)}}`
          const { detail } = assertProblem(await post(twice), 400, "duplicate_field")
          assert.include(detail, `"${name}"`)
        }
        const hex = name.charCodeAt(0).toString(16).padStart(4, "0")
        const escaped = `${text.slice(0, -1)},"\\u${hex}${name.slice(1)}":1}`
        assertProblem(await post(escaped), 400, "duplicate_field")
      }
      const deep = '{"surprise":[{"a":{"b":1,"c":{"b":1},"b":2}}]}'
      assertProblem(await post(deep), 400, "duplicate_field")
    })

    it("is refused above 16 KiB, however its length is declared", async () => {
      const large = JSON.stringify({ ...body, padding: "x".repeat(16 * 1024) })
      assertProblem(await post(large), 413, "body_too_large")
      assertProblem(await post(new Blob([large]).stream()), 413, "body_too_large")
    })

    it("is refused with any content type but JSON", async () => {
      const types = ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"]
      for (const type of types) {
        const answer = await post(JSON.stringify(body), { "content-type": type })
        assertProblem(answer, 415, "unsupported_media_type")
      }
    })
  })
}

/** Posts an order with some headers twice, which fetch would merge. */
const postTwice = (token: string, headers: Readonly<Record<string, ReadonlyArray<string>>>) =>
  new Promise<{ status: number; text: string }>((resolve, reject) => {
    const { hostname, port } = new URL(system.baseUrl)
    const body = JSON.stringify({ amount: 101, item: 10, slot: "09:00" })
    const all = {
      host: [hostname],
      authorization: [`Bearer ${token}`],
      "content-type": ["application/json"],
      "content-length": [`${Buffer.byteLength(body)}`],
      ...headers,
    }
    const lines = Object.entries(all).flatMap(([name, values]) =>
      values.flatMap((value) => [name, value])
    )
    request(
      { hostname, port, path: "/api/orders/", method: "POST", headers: lines },
      (response) => {
        let text = ""
        response.setEncoding("utf8").on("data", (part) => text += part)
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }))
      },
    ).on("error", reject).end(body)
  })

describe("a duplicate header", () => {
  it("is refused, even with the same value", async () => {
    const { access } = await newCustomer()
    for (
      const headers of [
        { "idempotency-key": ["a", "b"] },
        { "idempotency-key": ["a", "a"] },
        { "content-type": ["application/json", "application/json"] },
        { authorization: [`Bearer ${access}`, `Bearer ${access}`] },
        { host: ["localhost", "localhost"] },
      ]
    ) {
      const { status, text } = await postTwice(access, headers)
      assert.strictEqual(status, 400, text)
    }
    const keys = await postTwice(access, { "idempotency-key": ["a", "b"] })
    assert.strictEqual(JSON.parse(keys.text).code, "duplicate_header")
    const { status, text } = await postTwice(access, {})
    assert.strictEqual(status, 201, text)
  })
})
