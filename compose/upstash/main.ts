/**
 * Upstash's REST protocol in front of Compose's Redis, to try the driver without an account.
 */
import { Effect } from "effect"
import { Hono } from "hono"
import { port, readSettings, text, url } from "#shared/config/settings.ts"
import { listen } from "#shared/http/listen.ts"
import { runMain } from "#shared/service/run-main.ts"
import { redisBehind, upstashApp } from "./app.ts"

const settings = {
  INTERNAL_PORT: port("the TCP port to listen on", 9087),
  REDIS_URL: url("the Redis behind it", ["redis", "rediss"]),
  TOKEN: text("the token that clients send"),
}

runMain(
  Effect.gen(function* () {
    const { INTERNAL_PORT, REDIS_URL, TOKEN } = yield* readSettings(settings)
    const redis = yield* Effect.acquireRelease(
      Effect.sync(() => redisBehind(REDIS_URL.href)),
      (redis) => Effect.sync(() => redis.disconnect()),
    )
    const app = new Hono()
      .get("/readyz", async (context) => context.text(await redis.ping()))
      .route("/", upstashApp(redis, TOKEN))
    yield* listen(app, { host: "0.0.0.0", port: INTERNAL_PORT })
    return yield* Effect.never
  }).pipe(Effect.scoped),
)
