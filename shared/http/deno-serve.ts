/**
 * A service under `deno serve`: Deno opens the public port, closes it at SIGTERM, and manages its
 * connections without a limit; the program only handles requests. Use `deno run` on the same file
 * for a keep-alive that suits a proxy, a drain, or a limit of connections. Deno itself answers what
 * its parser refuses (noise, two Hosts, too large headers) with 400 and no body. It has no timeout
 * for the arrival of a request, and never answers 417.
 */
import { Effect, Latch, type Scope } from "effect"
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { isByTls, strictTransport } from "./answer-headers.ts"
import type { App } from "./doors.ts"
import { CurrentDrain } from "./drain.ts"
import { type Problem, problemResponse } from "./problem.ts"
import { twice, wrongHost } from "./refusals.ts"
import { requestIdOf } from "./request-origin.ts"
import { dotSegments, hasDotSegment } from "./request-target.ts"

/** The handler that Deno calls with each request. */
export interface DenoHandler {
  readonly fetch: (
    request: Request,
    info: { readonly remoteAddr: { readonly hostname?: string } },
  ) => Promise<Response>
}

/** Deno does not tell a program which of its commands runs it; the operating system does. */
const commandLine = (): ReadonlyArray<string> => {
  try {
    return readFileSync("/proc/self/cmdline", "utf8").split("\0")
  } catch {
    const ps = ["-o", "args=", "-p", `${process.pid}`]
    return execFileSync("ps", ps, { encoding: "utf8" }).trim().split(" ")
  }
}

export const isDenoServe = (): boolean => {
  if (!("Deno" in globalThis)) return false
  try {
    // Only options without a separate value may precede the command.
    return commandLine().slice(1).find((word) => !word.startsWith("-")) === "serve"
  } catch {
    return false
  }
}

/** RFC 9112 (3.2): anything but a host and port would become a part of the path. */
const isHost = (host: string) => /^(?:[\w.~%-]*|\[[\da-f:.]+\])(?::\d{0,5})?$/i.test(host)

const cutAfterMs = 5_000

/** A handler that waits for its app, and `open`, which provides the app until the scope closes. */
export const denoHandler = (): {
  readonly handler: DenoHandler
  readonly open: (
    app: Pick<App, "fetch">,
    trustProxy: boolean,
  ) => Effect.Effect<void, never, Scope.Scope>
} => {
  const opened = Promise.withResolvers<DenoHandler["fetch"]>()
  const open = Effect.fnUntraced(function* (app: Pick<App, "fetch">, trustProxy: boolean) {
    const closing = yield* Latch.make()
    const drain = yield* CurrentDrain
    const idle = Latch.makeUnsafe(true)
    let inFlight = 0
    const told = { closing: closing.await }
    opened.resolve(async (request, { remoteAddr }) => {
      const refused = refusalOf(request)
      if (refused !== undefined) return problemResponse(refused, requestIdOf(request))
      inFlight++
      idle.closeUnsafe()
      try {
        const from = { draining: drain.begun, remoteAddress: remoteAddr.hostname }
        const response = await app.fetch(request, { ...told, ...from })
        if (isByTls(request, trustProxy)) {
          response.headers.set(strictTransport.name, strictTransport.value)
        }
        return response
      } finally {
        if (--inFlight === 0) idle.openUnsafe()
      }
    })
    yield* Effect.addFinalizer(() =>
      Effect.andThen(closing.open, Effect.timeoutOption(idle.await, cutAfterMs))
    )
  })
  return {
    handler: { fetch: async (...given) => (await opened.promise)(...given) },
    open,
  }
}

/** Deno builds the URL from the Host header and the target, unchanged. */
const refusalOf = ({ url, headers }: Request): Problem | undefined => {
  const host = headers.get("host") ?? ""
  if (!isHost(host)) return wrongHost
  // Deno joins repeated headers by a comma, so a single key that contains one is refused, too.
  if (headers.get("idempotency-key")?.includes(",")) return twice("Idempotency-Key")
  return hasDotSegment(url.slice(url.indexOf("/", "https://".length))) ? dotSegments : undefined
}
