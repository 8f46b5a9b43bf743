/**
 * A route is data: its path, the schemas of what goes in and out, and the Effect that answers; who may call it stands in the
 * table of permissions. The same record validates requests, answers with problems, and describes itself in the service's
 * OpenAPI document.
 */
import { Effect, type Schema } from "effect"
import type { ServiceName } from "#shared/roster.ts"
import { type Permission, permissions, type RouteKey } from "#shared/security/permissions.ts"
import { ServiceVerifier } from "#shared/security/service-tokens.ts"
import { type User, UserVerifier } from "#shared/security/user-tokens.ts"
import type { Transient } from "#shared/transient.ts"
import { answerHeaders } from "./answer-headers.ts"
import { decodeStrictly, keepable, readJson } from "./body.ts"
import type { Problem } from "./problem.ts"

/** Decides who calls. Fails with a 401 or 403 Problem, or 503 when it cannot tell: it never lets an unproved caller in. */
export interface Access<C> {
  /** How the OpenAPI document names it; null for routes that anyone may call. */
  readonly scheme: "user" | "service" | "operator" | null
  /** Those of the scheme that it lets in, where not all: the role of users, or the names of services. */
  readonly roles?: ReadonlyArray<string>
  readonly authorize: (request: Request) => Effect.Effect<C, Problem>
}

export const anyone: Access<null> = { scheme: null, authorize: () => Effect.succeed(null) }
const anyoneInside: Access<null> = { ...anyone }

/** Lets a request in, or not: for what one can only do as long as there is room. */
export interface Permit {
  /** Lets it in, before its body is read. Fails with a 429 or 503 Problem, or as what it has to look up does. */
  readonly enter: Effect.Effect<void, Problem | Transient>
  /** Gives its place back. More than once does no harm. */
  readonly leave: () => void
}

/** For what there is always room. */
const freePass: Permit = { enter: Effect.void, leave: () => {} }

/** What an answer is made of. */
export interface Reply<A> {
  readonly body: A
  readonly headers?: Readonly<Record<string, string>>
}

export interface RouteInput<B, Q, P, C> {
  readonly body: B
  readonly query: Q
  readonly params: P
  readonly caller: C
  /** It has entered, and leaves at the latest when it is answered. */
  readonly permit: Permit
  readonly request: Request
  /** The peer's address where the server told it; requests from inside the process have none. */
  readonly remoteAddress: string | undefined
  /** Succeeds when the server wants to close: whoever only waits for something answers then. */
  readonly closing: Effect.Effect<void>
}

type Text = { readonly [name: string]: string | undefined }

type Method = "GET" | "POST" | "DELETE"

/** What is said of a route besides its method and path. */
export interface RouteSpec<B, Q, P, A, C> {
  readonly summary: string
  /** The resource that it is about: the OpenAPI document groups routes by it. */
  readonly tag?: string
  /** Makes the permit of a request, where not all may come in; anyone who may call does otherwise. */
  readonly permit?: (
    input: Pick<RouteInput<B, Q, P, C>, "caller" | "request">,
  ) => Effect.Effect<Permit, Problem>
  /** Whether a client that hangs up interrupts it, wherever it is. Else it is seen through. */
  readonly endsWithClient?: boolean
  readonly body?: {
    readonly schema: Schema.Codec<B, unknown>
    readonly maxBytes: number
    /** A right body, for whoever tries the route from its description; tokens in it stand for those that were given. */
    readonly example?: unknown
  }
  /** The request headers that it reads besides those of every route; reading them is for `handle`. */
  readonly headers?: Schema.Codec<unknown, Text>
  readonly query?: Schema.Codec<Q, Text>
  readonly params?: Schema.Codec<P, Text>
  readonly answer: {
    readonly status: number
    readonly description: string
    readonly schema?: Schema.Codec<unknown, A>
    /** The media type of what has no schema. */
    readonly type?: string
    /** What it tells that the answer is 204, with nothing in it, where that may be. */
    readonly nothing?: string
    /** What its headers tell, those of every answer left out, by their names. */
    readonly headers?: Readonly<Record<string, string>>
  }
  /** The statuses of the problems it may answer with, beyond those that follow from the rest. */
  readonly problems?: ReadonlyArray<number>
  /** Answers. A client that hangs up interrupts it; what must go on all the same is uninterruptible, or not its own. */
  readonly handle: (
    input: RouteInput<B, Q, P, C>,
  ) => Effect.Effect<Reply<A> | Response, Problem | Transient>
}

/** A route whose types have been checked, as the app and the OpenAPI document need it. */
export interface Route
  extends Omit<RouteSpec<never, never, never, never, never>, "handle" | "permit"> {
  readonly method: Method
  /** Hono's syntax: "/api/orders/:id". It answers with and without a trailing slash. */
  readonly path: string
  readonly access: Access<unknown>
  /** For services, or for anyone inside: behind the internal door, which no gateway reaches; else behind the public one. */
  readonly internal: boolean
  readonly respond: (
    request: Request,
    parts:
      & { readonly query: Text; readonly params: Text; readonly requestId: string }
      & Pick<RouteInput<never, never, never, never>, "remoteAddress" | "closing">,
  ) => Effect.Effect<Response, Problem | Transient>
}

/** Hono takes the trailing slash off a request's path, but not off a route's. */
export const withoutSlash = (path: string) => path.replace(/(?<=.)\/$/, "")

/** 16 KiB: more than any request of a person needs. */
export const publicBodyBytes = 16 * 1024

/** The row of a route, and never one that is not there. */
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

/** The method and path of a route; without a row in the table of permissions, no path has this type. */
interface Place<M extends Method, P extends string> {
  readonly method: M
  /** Hono's syntax: "/api/orders/:id". It answers with and without a trailing slash. */
  readonly path: P & (`${M} ${P}` extends RouteKey ? unknown : never)
}

/** The guard of a row. */
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

/** Makes a route that lets in whom the table of permissions names. */
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
 * Checks a route's types and prepares its decoders once. Services make theirs by `route`, so that who may call it is said in
 * one place.
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
    // Given to a new answer from the start: to change the headers of one costs more than to make it.
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
