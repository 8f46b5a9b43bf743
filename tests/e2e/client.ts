/**
 * A customer's program, over plain fetch: requests as they are written, answers as they come.
 * Answers are decoded strictly, so that a field that the contract does not have fails the test.
 */
import { Effect, Schema } from "effect"
import { assert } from "vitest"
import { Account } from "#shared/contracts/account.ts"
import { TokenPair, User } from "#shared/contracts/auth.ts"
import { OrderDetails, OrderView } from "#shared/contracts/order-state.ts"
import type { NewOrder } from "#shared/contracts/order.ts"
import { ProblemDetails } from "#shared/http/problem.ts"
import { system } from "./system-under-test.ts"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /**
   * The request that was answered; tokens and names that are new in every run are replaced by their
   * kind.
   */
  readonly asked: string
}

export interface Sending {
  readonly method?: string
  readonly token?: string
  /**
   * Sent unchanged if it is text or bytes, else as JSON; makes it a POST unless a method is given.
   */
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface Customer {
  readonly username: string
  readonly access: string
  readonly refresh: string
}

export const send = async (
  path: string,
  { method, token, body, headers }: Sending = {},
): Promise<Answer> => {
  const raw = typeof body === "string" || body instanceof Uint8Array ||
    body instanceof ReadableStream
  const response = await fetch(system.baseUrl + path, {
    method: method ?? (body === undefined ? "GET" : "POST"),
    headers: {
      ...(body !== undefined && { "content-type": "application/json" }),
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...headers,
    },
    ...(body !== undefined && { body: (raw ? body : JSON.stringify(body)) as BodyInit }),
    ...(body instanceof ReadableStream && { duplex: "half" }),
    redirect: "manual",
  })
  const sent = typeof body === "string" ? body : JSON.stringify(body) ?? ""
  const asked = JSON.stringify([method, path, sent, headers, token !== undefined])
  return { status: response.status, headers: response.headers, text: await response.text(), asked }
}

/** The answer's body, if it has the status and matches the schema. */
export const decoded = <A>(answer: Answer, status: number, schema: Schema.Codec<A, unknown>): A => {
  assert.strictEqual(answer.status, status, answer.text)
  return Schema.decodeUnknownSync(Schema.fromJsonString(schema), { onExcessProperty: "error" })(
    answer.text,
  )
}

/** The different requests that were refused as expected. */
export const refused = new Set<string>()

/** Asserts that the answer is a problem of RFC 9457 that reveals nothing internal. */
export const assertProblem = (answer: Answer, status: number, code: string) => {
  assert.strictEqual(answer.headers.get("content-type"), "application/problem+json", answer.text)
  const problem = decoded(answer, status, ProblemDetails)
  assert.deepStrictEqual([problem.status, problem.code], [status, code], answer.text)
  assert.strictEqual(problem.type, `/docs/problems#${code}`)
  assert.match(problem.detail, /^\S.*[.]$/)
  assert.strictEqual(answer.headers.get("x-request-id"), problem.requestId)
  assert.strictEqual(answer.headers.get("x-content-type-options"), "nosniff")
  if (status === 401) assert.strictEqual(answer.headers.get("www-authenticate"), "Bearer")
  assert.notMatch(answer.text, /\bat \w+ \(|node_modules|postgres|redis|127\.0\.0\.1:\d/i)
  refused.add(answer.asked)
  return problem
}

/** Signs up a new user with a name of its own and logs it in. */
export const newCustomer = async (): Promise<Customer> => {
  const username = `e2e-${crypto.randomUUID()}`
  const credentials = { username, password: crypto.randomUUID() }
  const email = `${username}@example.com`
  decoded(await send("/api/auth/users/", { body: { ...credentials, email } }), 201, User)
  const tokens = decoded(await send("/api/token/", { body: credentials }), 200, TokenPair)
  return { username, ...tokens }
}

let bystander: Promise<Customer> | undefined
/** The one customer of all tests that need a token and place no order. */
export const anyCustomer = (): Promise<Customer> => bystander ??= newCustomer()

export const walletOf = async ({ username, access }: Customer) =>
  decoded(await send(`/api/accounts/${username}`, { token: access }), 200, Account).wallet

/** Posts an order as it is, valid or not. */
export const post = (
  { access }: Customer,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> => send("/api/orders/", { token: access, body, headers })

/** Places an order, and returns it once it is final. */
export const place = async (customer: Customer, order: NewOrder) => {
  const placed = decoded(
    await post(customer, order, { prefer: "wait=30" }),
    201,
    OrderView,
  )
  assert.include(["completed", "failed"], placed.status)
  return placed
}

/** One order of the customer, with its timeline. */
export const lookUp = async ({ access }: Customer, id: string) =>
  decoded(await send(`/api/orders/${id}`, { token: access }), 200, OrderDetails)

/** Runs something `times` times, with at most this many at once. */
export const repeat = <A>(
  times: number,
  work: (n: number) => Promise<A>,
  atOnce = times,
): Promise<ReadonlyArray<A>> =>
  Effect.runPromise(
    Effect.forEach(
      Array.from({ length: times }, (_, n) => n),
      (n) => Effect.promise(() => work(n)),
      { concurrency: atOnce },
    ),
  )
