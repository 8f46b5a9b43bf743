/** Requests that are wrong in every way that a client can get them wrong: each is told what is wrong, and none is a 5xx. */
import { assert, describe, it } from "vitest"
import { anyCustomer, assertProblem, type Customer, send } from "./client.ts"
import { allowedAt, publicRoutes, routesWithBody } from "./routes.ts"

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
  describe(`${method} ${path} without a right token`, () => {
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

    it("is refused when it is not JSON", async () => {
      for (const text of ["", "{", "{'a':1}", '{"a":1}}', "NaN", "[".repeat(16_000)]) {
        assertProblem(await post(text), 400, "malformed_json")
      }
      assertProblem(await post(Uint8Array.of(0x7b, 0xff, 0x7d)), 400, "malformed_json")
    })

    it("is refused when it is JSON but no object", async () => {
      for (const value of [null, true, 1, [], [body]]) {
        assertProblem(await post(JSON.stringify(value)), 400, "invalid_request")
      }
      assertProblem(await post('"text"'), 400, "invalid_request")
    })

    it("is refused with a field that is unknown, missing, or of another type, which is named", async () => {
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

    it("is refused above 16 KiB, however its length is told", async () => {
      const large = JSON.stringify({ ...body, padding: "x".repeat(16 * 1024) })
      assertProblem(await post(large), 413, "body_too_large")
      assertProblem(await post(new Blob([large]).stream()), 413, "body_too_large")
    })

    it("is refused as anything but JSON", async () => {
      const types = ["text/plain", "application/x-www-form-urlencoded", "application/xml", "json"]
      for (const type of types) {
        const answer = await post(JSON.stringify(body), { "content-type": type })
        assertProblem(answer, 415, "unsupported_media_type")
      }
    })
  })
}
