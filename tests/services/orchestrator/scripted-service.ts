/** Another service, as its callers see it: it notes what it is asked, and answers as a test tells it. */
import { Context, Effect, Layer, References, type Scope } from "effect"
import { Fetch } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"

export interface Asked<I> {
  readonly url: string
  readonly authorization: string | null
  readonly entries: ReadonlyArray<I>
}

/** What becomes of a request, from its entries. */
export type Conduct<I> = (entries: ReadonlyArray<I>, signal: AbortSignal) => Promise<Response>

/** Builds a service that calls others, with all requests in the hands of one script. */
export const built = <Self, S, I>(
  service: Context.Key<Self, S>,
  layer: Layer.Layer<Self, never, ServiceSigner>,
  field: string,
  /** What goes wrong on purpose is warned of. */
  level: "None" | "Info" = "None",
): Effect.Effect<
  { readonly service: S; readonly asked: Array<Asked<I>>; conduct: Conduct<I> },
  never,
  Scope.Scope
> =>
  Effect.gen(function* () {
    const asked: Array<Asked<I>> = []
    const script = {
      asked,
      conduct: (() => Promise.reject(new Error("no conduct is set"))) as Conduct<I>,
    }
    const fetch = async (request: Request): Promise<Response> => {
      const entries = (await request.json())[field] as ReadonlyArray<I>
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
    const context = yield* Layer.build(Layer.provide(layer, signer)).pipe(
      Effect.provideService(Fetch, (url, init) => fetch(new Request(url, init))),
      Effect.provideService(References.MinimumLogLevel, level),
    )
    return Object.assign(script, {
      service: Context.get(context, service),
    })
  })

/** A failure to reach a service, as the platform's fetch reports it. */
export const fetchFailed = (code: string): Error =>
  new TypeError("fetch failed", { cause: { code } })
