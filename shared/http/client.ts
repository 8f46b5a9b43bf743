/**
 * Calls from service to service: JSON over HTTP with a token that the caller signs itself. An answer that is no success is
 * Unavailable, one that never came is Unknown. Both are worth another try, and neither proves that nothing was done: a 503
 * may stand for a commit whose own answer was lost.
 */
import { Cause, Context, Effect } from "effect"
import { type Transient, Unavailable, Unknown } from "#shared/transient.ts"
import { type Answer, nodeFetch } from "./node-fetch.ts"

/** How requests leave the process: the platform's way, or the embedded run's wiring in memory. */
export const Fetch = Context.Reference<(url: string, init: RequestInit) => Promise<Answer>>(
  "unwind/http/Fetch",
  {
    defaultValue: () =>
      "Deno" in globalThis ? (url, init) => globalThis.fetch(url, init) : nodeFetch,
  },
)

export interface Callee {
  readonly name: string
  readonly url: URL
  /** A token for the callee, fresh at every call. */
  readonly token: Effect.Effect<string>
  readonly timeoutMs: number
}

const neverSent =
  /ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|UND_ERR_CONNECT|onnection refused|dns error/

/** Gets the JSON at a path, undecoded. Fails with Unavailable or Unknown. */
export const get = (callee: Callee, path: string): Effect.Effect<unknown, Transient> =>
  call(callee, path, { method: "GET" })

/** Posts JSON and gives the answer's JSON, undecoded. Fails with Unavailable or Unknown. */
export const post = (
  callee: Callee,
  path: string,
  body: unknown,
): Effect.Effect<unknown, Transient> =>
  call(callee, path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  })

const call = Effect.fnUntraced(function* (
  callee: Callee,
  path: string,
  request: { method: string; headers?: Record<string, string>; body?: string },
): Effect.fn.Return<unknown, Transient> {
  const fetch = yield* Fetch
  const authorization = `Bearer ${yield* callee.token}`
  const response = yield* Effect.tryPromise({
    try: async (signal) => {
      const response = await fetch(new URL(path, callee.url).href, {
        ...request,
        headers: { ...request.headers, authorization },
        signal,
      })
      return { status: response.status, text: await response.text() }
    },
    catch: (error) => callFailed(callee.name, error),
  }).pipe(
    Effect.timeout(callee.timeoutMs),
    Effect.catchIf(
      Cause.isTimeoutError,
      () =>
        Effect.fail(
          new Unknown({ message: `${callee.name} did not answer within ${callee.timeoutMs} ms` }),
        ),
    ),
  )
  if (response.status < 200 || response.status > 299) {
    return yield* new Unavailable({ message: `${callee.name} answered ${response.status}` })
  }
  return yield* Effect.try({
    try: () => JSON.parse(response.text) as unknown,
    catch: () => new Unknown({ message: `${callee.name} answered what is not JSON` }),
  })
})

const callFailed = (name: string, error: unknown): Transient => {
  const { cause, code, message } = error as NodeJS.ErrnoException & { cause?: Partial<Error> }
  const why = code ?? (cause as NodeJS.ErrnoException)?.code ?? cause?.message ?? message
  return neverSent.test(`${why} ${message}`)
    ? new Unavailable({ message: `${name} can not be reached (${why})` })
    : new Unknown({ message: `The connection to ${name} broke (${why})` })
}
