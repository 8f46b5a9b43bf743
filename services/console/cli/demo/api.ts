/**
 * The system as a customer's program sees it: its public API over HTTP. Answers are decoded by the contracts' schemas, so
 * an answer of another shape is told, not shown as if it were right.
 */
import { Effect, Schema } from "effect"
import { Account } from "#shared/contracts/account.ts"
import { PublicKeys, TokenPair, User } from "#shared/contracts/auth.ts"
import { type NewOrder, OrderDetails, type OrderId, OrderView } from "#shared/contracts/order.ts"
import { ProblemDetails } from "#shared/http/problem.ts"

/** The API gave no answer, or not the one that was asked for. */
export class ApiError extends Schema.TaggedError<ApiError>()("ApiError", {
  message: Schema.String,
  /** Absent where there was no answer at all. */
  status: Schema.optionalKey(Schema.Int),
}) {}

export interface Credentials {
  readonly username: string
  readonly password: string
}

interface Call<A> {
  readonly path: string
  readonly answer: Schema.Codec<A, unknown>
  readonly token?: string
  /** Makes it a POST. */
  readonly body?: unknown
  readonly prefer?: string
}

/** Longer than any answer is waited for on purpose. */
const timeoutMs = 15_000
/** The most seconds to wait for an order to become final. */
const waitSeconds = 10

/** The API at a URL that has no trailing slash; everything in it fails with ApiError. */
export const apiAt = (baseUrl: string) => ({
  /** Succeeds where an Unwind is up. */
  look: call(baseUrl, { path: "/.well-known/jwks.json", answer: PublicKeys }),
  signUp: (body: Credentials & { readonly email: string }) =>
    call(baseUrl, { path: "/api/auth/users/", body, answer: User }),
  logIn: (body: Credentials) => call(baseUrl, { path: "/api/token/", body, answer: TokenPair }),
  account: (token: string, username: string) =>
    call(baseUrl, { path: `/api/accounts/${username}`, token, answer: Account }),
  /** Places an order and gives it when it is final, or as it is after ten seconds. */
  placeOrder: (token: string, body: NewOrder) =>
    call(baseUrl, {
      path: "/api/orders/",
      token,
      body,
      prefer: `wait=${waitSeconds}`,
      answer: OrderView,
    }),
  order: (token: string, id: OrderId) =>
    call(baseUrl, { path: `/api/orders/${id}`, token, answer: OrderDetails }),
})

const call = <A>(baseUrl: string, request: Call<A>): Effect.Effect<A, ApiError> =>
  Effect.gen(function* () {
    const { status, text } = yield* send(baseUrl, request)
    const what = `${request.body ? "POST" : "GET"} ${baseUrl}${request.path}`
    if (status < 200 || status > 299) {
      const problem = yield* Effect.option(decodeJson(ProblemDetails, text))
      const detail = problem._tag === "Some" ? `: ${problem.value.detail}` : ""
      return yield* new ApiError({
        status,
        message: `${what} was answered with ${status}${detail}`,
      })
    }
    return yield* Effect.mapError(
      decodeJson(request.answer, text),
      ({ message }) =>
        new ApiError({
          status,
          message: `The answer to ${what} is not as documented (${message.replace(/\s+/g, " ")})`,
        }),
    )
  })

const send = (baseUrl: string, { path, token, body, prefer }: Call<unknown>) =>
  Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(baseUrl + path, {
        method: body === undefined ? "GET" : "POST",
        headers: {
          ...(body !== undefined && { "content-type": "application/json" }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
          ...(prefer !== undefined && { prefer }),
        },
        ...(body !== undefined && { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]),
      })
      return { status: response.status, text: await response.text() }
    },
    catch: () => new ApiError({ message: `Nothing answers at ${baseUrl}` }),
  })

const decodeJson = <A>(schema: Schema.Codec<A, unknown>, text: string) =>
  Schema.decodeUnknownEffect(Schema.fromJsonString(schema))(text)
