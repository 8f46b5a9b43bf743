/** A service as its callers see it: it records their requests, and answers by a script. */
import { Context, Effect, Layer, Logger, Metric, References, type Scope } from "effect"
import { Callees } from "#services/orchestrator/callees.ts"
import { Fetch } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"

export interface Asked<I> {
  readonly url: string
  readonly authorization: string | null
  readonly entries: ReadonlyArray<I>
}

/** The answer to a request with these entries. */
export type Conduct<I> = (entries: ReadonlyArray<I>, signal: AbortSignal) => Promise<Response>

export interface Script<S, I> {
  readonly service: S
  readonly asked: Array<Asked<I>>
  conduct: Conduct<I>
  readonly logs: Array<string>
  /** Fails with the causes while a service is misconfigured. */
  readonly configured: Callees["Service"]["configured"]
}

/** Builds a service that calls others, whose requests a script answers. */
export const built = <Self, S, I>(
  service: Context.Key<Self, S>,
  layer: Layer.Layer<Self, never, Callees | ServiceSigner>,
  entriesOf: (body: never) => ReadonlyArray<I>,
): Effect.Effect<Script<S, I>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const asked: Array<Asked<I>> = []
    const logs: Array<string> = []
    const script = {
      asked,
      logs,
      conduct: (() => Promise.reject(new Error("The test has set no conduct"))) as Conduct<I>,
    }
    const fetch = async (request: Request): Promise<Response> => {
      const entries = entriesOf(await request.json() as never)
      asked.push({
        url: request.url,
        authorization: request.headers.get("authorization"),
        entries,
      })
      return await script.conduct(entries, request.signal)
    }
    const signer = Layer.succeed(ServiceSigner, {
      tokenFor: (callee) => Effect.succeed(`token-for-${callee}`),
    })
    const context = yield* layer.pipe(
      Layer.provide(signer),
      Layer.provideMerge(Callees.layer),
      Layer.build,
      Effect.provideService(Fetch, (url, init) => fetch(new Request(url, init))),
      Effect.provideService(References.MinimumLogLevel, "Info"),
      Effect.provide(Logger.layer([
        Logger.make(({ message, logLevel }) => {
          logs.push(`${logLevel} ${message}`)
        }),
      ])),
    )
    return Object.assign(script, {
      service: Context.get(context, service),
      configured: Context.get(context, Callees).configured,
    })
  })

export const json = (body: unknown, status = 200): Promise<Response> =>
  Promise.resolve(Response.json(body, { status }))

/** A failure to reach a service, as the platform's fetch reports it. */
export const fetchFailed = (code: string): Error =>
  new TypeError("fetch failed", { cause: { code } })

/** The metrics of this name, by their values of the attribute. */
export const metrics = (name: string, attribute: string) =>
  Effect.map(
    Metric.snapshot,
    (all) =>
      Object.fromEntries(all.flatMap(({ id, attributes, state }) => {
        const { [attribute]: key = "" } = attributes as Record<string, string> ?? {}
        const { value, count } = state as { value?: number; count?: number }
        return id === name ? [[key, value ?? count]] : []
      })),
  )
