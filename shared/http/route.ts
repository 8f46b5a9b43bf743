/**
 * A route is data: its path, the schemas of its input and output, and the Effect that answers. The
 * table of permissions says who may call it. The same record validates requests, answers with
 * problems, and is described in the service's OpenAPI document.
 */
import { Effect, type Schema } from "effect"
import type { ServiceName } from "#shared/roster.ts"
import type { Access } from "#shared/security/access.ts"
import { type Permission, permissions, type RouteKey } from "#shared/security/permissions.ts"
import { ServiceVerifier } from "#shared/security/service-tokens.ts"
import { type User, UserVerifier } from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { answerHeaders } from "./answer-headers.ts"
import { decodeStrictly, keepable, readJson } from "./body.ts"
import type { Problem } from "./problem.ts"

export const anyone: Access<null> = { scheme: null, authorize: () => Effect.succeed(null) }
const anyoneInside: Access<null> = { ...anyone }

/** Admits a request or refuses it, where capacity is limited. */
export interface Permit {
  /**
   * Admits the request before its body is read. Fails with a 429 or 503 Problem, or with the error
   * of its look-up.
   */
  readonly enter: Effect.Effect<void, Problem | Transient>
  /** Gives the place back. Idempotent. */
  readonly leave: () => void
}

/** Admits every request. */
const freePass: Permit = { enter: Effect.void, leave: () => {} }

export interface Reply<A> {
  readonly body: A
  readonly headers?: Readonly<Record<string, string>>
}

export interface RouteInput<B, Q, P, C> {
  readonly body: B
  readonly query: Q
  readonly params: P
  readonly caller: C
  /** Entered already; left when the request is answered, if not before. */
  readonly permit: Permit
  readonly request: Request
  /** The peer's address, if the server knows it; requests within the process have none. */
  readonly remoteAddress: string | undefined
  /** Succeeds when the server wants to close: a handler that only waits answers then. */
  readonly closing: Effect.Effect<void>
}

type Text = { readonly [name: string]: string | undefined }

type Method = "GET" | "POST" | "DELETE"

/** A route without its method and path. */
export interface RouteSpec<B, Q, P, A, C> {
  readonly summary: string
  /** The resource of the route: the OpenAPI document groups routes by it. */
  readonly tag?: string
  /**
   * Makes the permit of a request, where capacity is limited. Without it, every authorized request
   * gets in.
   */
  readonly permit?: (
    input: Pick<RouteInput<B, Q, P, C>, "caller" | "request">,
  ) => Effect.Effect<Permit, Problem>
  /** Whether a client that hangs up interrupts the handler. If not, the handler runs to its end. */
  readonly endsWithClient?: boolean
  readonly body?: {
    readonly schema: Schema.Codec<B, unknown>
    readonly maxBytes: number
    /** A valid body for trying the route from its description; tokens in it are placeholders. */
    readonly example?: unknown
  }
  /**
   * The request headers that the route reads besides the common ones, for the OpenAPI document;
   * `handle` reads them itself.
   */
  readonly headers?: Schema.Codec<unknown, Text>
  readonly query?: Schema.Codec<Q, Text>
  readonly params?: Schema.Codec<P, Text>
  readonly answer: {
    readonly status: number
    readonly description: string
    readonly schema?: Schema.Codec<unknown, A>
    /** The media type of an answer without a schema. */
    readonly type?: string
    /** What a 204 without content means, if the route may answer it. */
    readonly nothing?: string
    /** What each header of the answer means, by name, without those that every answer has. */
    readonly headers?: Readonly<Record<string, string>>
  }
  /**
   * The statuses of the problems it may answer with, beyond those that follow from the other
   * fields.
   */
  readonly problems?: ReadonlyArray<number>
  /**
   * Answers the request. With `endsWithClient`, work that must survive a hang-up is uninterruptible
   * or runs in another fiber.
   */
  readonly handle: (
    input: RouteInput<B, Q, P, C>,
  ) => Effect.Effect<Reply<A> | Response, Problem | Transient>
}

/** A type-checked route, as the app and the OpenAPI document use it. */
export interface Route
  extends Omit<RouteSpec<never, never, never, never, never>, "handle" | "permit"> {
  readonly method: Method
  /** Hono's syntax: "/api/orders/:id". It answers with and without a trailing slash. */
  readonly path: string
  readonly access: Access<unknown>
  /**
   * Whether it is behind the internal door, which no gateway reaches: a route for services, or for
   * anyone inside. All others are behind the public door.
   */
  readonly internal: boolean
  readonly respond: (
    request: Request,
    parts:
      & { readonly query: Text; readonly params: Text; readonly requestId: string }
      & Pick<RouteInput<never, never, never, never>, "remoteAddress" | "closing">,
  ) => Effect.Effect<Response, Problem | Transient>
}

/** Hono removes the trailing slash of a request's path, but not of a route's. */
export const withoutSlash = (path: string) => path.replace(/(?<=.)\/$/, "")

/** 16 KiB: more than any request of a person needs. */
export const publicBodyBytes = 16 * 1024

/** The row of a route in the table of permissions; `never` if there is none. */
type Row<M extends Method, P extends string> = `${M} ${P}` extends infer K extends RouteKey
  ? (typeof permissions)[K]
  : never

type Unproved = "anyone" | "anyone inside"
type Signed = "user" | "signed-in operator"
type CallerBy<P extends Permission> = P extends Unproved ? null
  : P extends Signed | "operator" ? User
  : ServiceName
type GuardOf<P extends Permission> = P extends Unproved ? never : P extends Signed ? UserVerifier
: P extends "operator" ? UserVerifier | ServiceVerifier
: ServiceVerifier

/**
 * The method and path of a route. A path without a row in the table of permissions does not
 * type-check.
 */
interface Place<M extends Method, P extends string> {
  readonly method: M
  /** Hono's syntax: "/api/orders/:id". It answers with and without a trailing slash. */
  readonly path: P & (`${M} ${P}` extends RouteKey ? unknown : never)
}

/** The access that a permission grants. */
export const accessBy = (
  permission: Permission,
): Effect.Effect<Access<unknown>, never, UserVerifier | ServiceVerifier> => {
  switch (permission) {
    case "anyone":
      return Effect.succeed(anyone)
    case "anyone inside":
      return Effect.succeed(anyoneInside)
    case "user":
      return Effect.map(UserVerifier, ({ user }) => user)
    case "signed-in operator":
      return Effect.map(UserVerifier, ({ signedInOperator }) => signedInOperator)
    case "operator":
      return Effect.gen(function* () {
        const { authorize, roles } = yield* onlyServices(["console"])
        const { handedOn } = yield* UserVerifier
        return {
          scheme: "operator",
          roles,
          authorize: (request) => Effect.andThen(authorize(request), handedOn(request)),
        }
      })
    default:
      return onlyServices(permission)
  }
}

const onlyServices = (names: ReadonlyArray<ServiceName>) =>
  Effect.map(ServiceVerifier, (verifier) => ({ ...verifier.only(...names), roles: names }))

/** Makes a route; the table of permissions says who may call it. */
export const route = <
  const M extends Method,
  const P extends string,
  B = undefined,
  Q = undefined,
  T = undefined,
  A = never,
>(
  spec: RouteSpec<B, Q, T, A, CallerBy<Row<M, P>>> & Place<M, P>,
): Effect.Effect<Route, never, GuardOf<Row<M, P>>> =>
  Effect.map(
    accessBy(permissions[`${spec.method} ${spec.path}` as RouteKey]),
    (access) => guardedRoute(access as Access<CallerBy<Row<M, P>>>, spec),
  ) as Effect.Effect<Route, never, GuardOf<Row<M, P>>>

/**
 * Checks a route's types and prepares its decoders once. Services use `route`, which looks up the
 * permission.
 */
export const guardedRoute = <B = undefined, Q = undefined, P = undefined, A = never, C = null>(
  access: Access<C>,
  spec: RouteSpec<B, Q, P, A, C> & Pick<Route, "method" | "path">,
): Route => {
  const { body, query, params, answer } = spec
  const decodeBody = body && decodeStrictly(body.schema, "request body")
  const decodeQuery = query && decodeText(query, "query")
  const decodeParams = params && decodeText(params, "path")
  const answered = Effect.fnUntraced(function* (
    request: Request,
    parts: Parameters<Route["respond"]>[1],
    { caller, permit }: { readonly caller: C; readonly permit: Permit },
  ) {
    const reply = yield* spec.handle({
      caller,
      permit,
      request,
      remoteAddress: parts.remoteAddress,
      closing: parts.closing,
      params: (decodeParams && (yield* decodeParams(parts.params))) as P,
      query: (decodeQuery && (yield* decodeQuery(parts.query))) as Q,
      body: (decodeBody && (yield* decodeBody(yield* readJson(request, body!.maxBytes)))) as B,
    })
    // Headers are set at construction: changing them afterwards costs more than building the
    // response.
    if (!(reply instanceof Response)) return jsonResponse(answer.status, reply, parts.requestId)
    reply.headers.set("x-request-id", parts.requestId)
    for (const [name, value] of Object.entries(answerHeaders)) reply.headers.set(name, value)
    return reply
  })
  const respond: Route["respond"] = Effect.fnUntraced(function* (request, parts) {
    const caller = yield* access.authorize(request)
    if (spec.permit === undefined) {
      return yield* answered(request, parts, { caller, permit: freePass })
    }
    const permit = yield* spec.permit({ caller, request })
    return yield* Effect.ensuring(
      Effect.andThen(permit.enter, answered(request, parts, { caller, permit })),
      Effect.sync(permit.leave),
    )
  })
  const internal = access.scheme === "service" || access.scheme === "operator" ||
    access === anyoneInside as Access<unknown>
  return { ...spec, access, internal, respond } as unknown as Route
}

const decodeText = <T>(schema: Schema.Codec<T, Text>, what: string) => {
  const decode = decodeStrictly(schema, what)
  return (text: Text) => Effect.flatMap(keepable(text, what), decode)
}

const jsonResponse = (
  status: number,
  { body, headers }: Reply<unknown>,
  requestId: string,
): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: {
      "content-type": "application/json",
      "x-request-id": requestId,
      ...answerHeaders,
      ...headers,
    },
  })
