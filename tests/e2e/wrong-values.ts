/**
 * Values that are not amounts, items, slots, names or pages: refused by name, never stored, never a
 * 5xx.
 */
import { assert, describe, it } from "vitest"
import { anyCustomer, assertProblem, post, refused, send } from "./client.ts"

const order = { amount: 1, item: 10, slot: "09:00" }

const wrongValues: Readonly<Record<keyof typeof order, ReadonlyArray<unknown>>> = {
  amount: [0, -0, -1, 0.001, 1.005, 1e21, 1e9 + 1, "10", "", [10]],
  item: [0, -1, 1.5, 2 ** 53, 2 ** 31, "1", ""],
  slot: ["9:00", "24:00", "09:60", "0900", "09:00 ", " 09:00", "09:00\n", "٠٩:٠٠", "", 9, 900],
}

describe("an order with a wrong value", () => {
  for (const [field, values] of Object.entries(wrongValues)) {
    for (const value of values) {
      it(`is refused: ${field} ${Object.is(value, -0) ? "-0" : JSON.stringify(value)}`, async () => {
        const customer = await anyCustomer()
        const answer = await post(customer, { ...order, [field]: value })
        const { errors = [] } = assertProblem(answer, 400, "invalid_request")
        assert.deepStrictEqual([...new Set(errors.map(({ path }) => path))], [field])
      })
    }
  }

  it("is refused with numbers that only JSON can express", async () => {
    const customer = await anyCustomer()
    for (const amount of ["1e999", "-1e999", "1e-400", "0.1e-1000"]) {
      const answer = await post(customer, JSON.stringify(order).replace(":1,", `:${amount},`))
      assertProblem(answer, 400, "invalid_request")
    }
  })

  it("is refused in the details form, naming the field within the details", async () => {
    const customer = await anyCustomer()
    const wrong = [
      [{ item: 10 }, "details.slot"],
      [{ item: 10, slot: "24:00" }, "details.slot"],
      [{ item: 1.5, slot: "09:00" }, "details.item"],
      [{ item: 10, slot: "09:00", gift: true }, "details.gift"],
    ] as const
    for (const [details, field] of wrong) {
      const { errors = [] } = assertProblem(
        await post(customer, { amount: 1, details }),
        400,
        "invalid_request",
      )
      assert.deepStrictEqual(errors.map(({ path }) => path), [field])
    }
  })

  it("leaves nothing behind", async () => {
    const customer = await anyCustomer()
    assert.strictEqual((await send("/api/orders/", { token: customer.access })).text, "[]")
  })
})

describe("an order with a wrong header", () => {
  for (const key of ["", "x".repeat(256), "ü", "a\tb"]) {
    it(`is refused: Idempotency-Key ${JSON.stringify(key.slice(0, 10))}`, async () => {
      const customer = await anyCustomer()
      const answer = await post(customer, order, { "idempotency-key": key })
      assertProblem(answer, 400, "invalid_request")
    })
  }
})

describe("a list of orders with a wrong query", () => {
  const queries = ["limit=0", "limit=1001", "limit=-1", "limit=1.5", "limit=ten", "limit="]
  for (const query of [...queries, "before=", "before=1", "page=2", "limit=1&after=x"]) {
    it(`is refused: ${query}`, async () => {
      const customer = await anyCustomer()
      const answer = await send(`/api/orders/?${query}`, { token: customer.access })
      assertProblem(answer, 400, "invalid_request")
    })
  }
})

describe("a path with a wrong part", () => {
  for (const id of ["1", "nonsense", "%00", "%ff", "0193", "%27%20or%201=1--"]) {
    it(`is refused: the order ${id}`, async () => {
      const customer = await anyCustomer()
      for (const path of [`/api/orders/${id}`, `/api/orders/${id}/events`]) {
        assertProblem(await send(path, { token: customer.access }), 400, "invalid_request")
      }
    })
  }

  it("is refused for an account whose name nobody can have", async () => {
    const customer = await anyCustomer()
    for (const name of ["%ff", "a%2fb", "%27%20or%201=1--"]) {
      const answer = await send(`/api/accounts/${name}`, { token: customer.access })
      assertProblem(answer, 404, "account_not_found")
    }
    for (const name of ["%00", "x".repeat(151)]) {
      const answer = await send(`/api/accounts/${name}`, { token: customer.access })
      assertProblem(answer, 400, "invalid_request")
    }
  })
})

describe("a sign-up with a wrong value", () => {
  const right = { username: "never", password: "signed up by a test", email: "never@example.com" }
  const wrong: Readonly<Record<keyof typeof right, ReadonlyArray<string>>> = {
    username: ["", "a b", "a\0b", "a/b", "..", "\ud800", "x".repeat(151)],
    password: ["", "1234567", "x".repeat(129), "\ud800".repeat(8), "password123"],
    email: ["", "never", "a b@example.com", "a\0@example.com", `${"x".repeat(251)}@a.b`],
  }
  for (const [field, values] of Object.entries(wrong)) {
    it(`is refused for its ${field}`, async () => {
      for (const value of values) {
        const answer = await send("/api/auth/users/", { body: { ...right, [field]: value } })
        const { errors = [] } = assertProblem(answer, 400, "invalid_request")
        assert.deepStrictEqual(errors.map(({ path }) => path), [field])
      }
    })
  }

  it("is refused for a name that is taken", async () => {
    const customer = await anyCustomer()
    const answer = await send("/api/auth/users/", {
      body: { ...right, username: customer.username },
    })
    assertProblem(answer, 409, "username_taken")
  })
})

describe("unknown credentials", () => {
  it("are refused at the log-in", async () => {
    const customer = await anyCustomer()
    // Few: each failure counts against the address of the tests.
    for (const username of [customer.username, "nobody-at-all"]) {
      const answer = await send("/api/token/", { body: { username, password: "a wrong guess" } })
      assertProblem(answer, 401, "wrong_credentials")
    }
  })

  it("are refused at the refresh and at the verification", async () => {
    const customer = await anyCustomer()
    for (const token of ["", "garbage", "a.b.c", customer.access.slice(0, -10)]) {
      const refreshed = await send("/api/token/refresh/", { body: { refresh: token } })
      assertProblem(refreshed, 401, "unauthenticated")
      const verified = await send("/api/token/verify/", { body: { token } })
      assertProblem(verified, 401, "unauthenticated")
    }
    const asRefresh = await send("/api/token/refresh/", { body: { refresh: customer.access } })
    assertProblem(asRefresh, 401, "unauthenticated")
  })

  it("are refused as invalid requests if no stored text could match", async () => {
    for (const text of ["a\0b", "\ud800"]) {
      for (
        const [path, body] of [
          ["/api/token/", { username: text, password: "a wrong guess" }],
          ["/api/token/", { username: "nobody-at-all", password: text }],
          ["/api/token/refresh/", { refresh: text }],
          ["/api/token/verify/", { token: text }],
        ] as const
      ) {
        assertProblem(await send(path, { body }), 400, "invalid_request")
      }
    }
  })
})

describe("the wrong requests of these tests", () => {
  it("are at least two hundred different ones, each with its expected status and code", () => {
    assert.isAtLeast(refused.size, 200)
  })
})
