/**
 * Upstash's REST protocol in front of a real Redis, as far as its client uses it: single commands,
 * pipelines and transactions, with base64 answers on demand. A blocking command would delay all
 * others on the single connection, so blocking commands are refused, and BLOCK is removed from
 * stream reads.
 */
import { type Context, Hono } from "hono"
import { Redis, ReplyError } from "ioredis"
import { isWrongServer } from "#shared/redis/wrong-server.ts"

type UpstashResult = { readonly result: unknown } | { readonly error: string }

const refused =
  /^(bl?r?pop.*|bl?m(ove|pop)|brpoplpush|bz.*|wait.*|[ps]?subscribe|monitor|multi|exec|watch)$/

/** The command to send to Redis. Throws when it is not allowed. */
const allowed = (words: unknown): [name: string, ...parameters: Array<string>] => {
  const [name = "", ...parameters] = Array.isArray(words) ? words.map(String) : []
  const command = name.toLowerCase()
  if (command === "" || refused.test(command)) {
    throw new Error(`ERR Command is not available: '${name}'`)
  }
  const block = /^xread(group)?$/.test(command)
    ? parameters.findIndex((word) => word.toLowerCase() === "block")
    : -1
  return [command, ...(block < 0 ? parameters : parameters.toSpliced(block, 2))]
}

const encoded = (reply: unknown, encoding: "base64" | "utf8"): unknown => {
  if (reply instanceof Buffer) return reply.toString(encoding)
  return Array.isArray(reply) ? reply.map((part) => encoded(part, encoding)) : reply
}

const run = async (
  redis: Redis,
  commands: ReadonlyArray<unknown>,
  encoding: "base64" | "utf8",
  atomically: boolean,
): Promise<ReadonlyArray<UpstashResult>> => {
  const pipeline = atomically ? redis.multi() : redis.pipeline()
  const errors = commands.map((words) => {
    try {
      pipeline.callBuffer(...allowed(words))
      return undefined
    } catch (error) {
      return String(error instanceof Error ? error.message : error)
    }
  })
  const replies = (await pipeline.exec() ?? []).values()
  return errors.map((refusal) => {
    if (refusal !== undefined) return { error: refusal }
    const [error, reply] = replies.next().value ?? [null, null]
    if (error === null) return { result: encoded(reply, encoding) }
    if (error instanceof ReplyError) return { error: error.message }
    throw error
  })
}

/** The connection to the Redis behind the front; it reconnects by itself. */
export const redisBehind = (url: string): Redis => {
  const redis = new Redis(url, {
    protocol: 2,
    maxRetriesPerRequest: 1,
    enableReadyCheck: false,
    reconnectOnError: isWrongServer,
  })
  // A failed command reports to its sender.
  redis.on("error", () => {})
  return redis
}

/** The front as an app: it admits requests with the token. */
export const upstashApp = (redis: Redis, token: string): Hono => {
  const encodingOf = (c: Context) =>
    c.req.header("upstash-encoding") === "base64" ? "base64" : "utf8"
  return new Hono()
    .use(async (c, next) => {
      if (c.req.header("authorization") === `Bearer ${token}`) return await next()
      return c.json({ error: "WRONGPASS invalid or missing auth token" }, 401)
    })
    .post("/", async (c) => {
      const [answer] = await run(redis, [await c.req.json()], encodingOf(c), false)
      return c.json(answer, answer !== undefined && "error" in answer ? 400 : 200)
    })
    .post(
      "/pipeline",
      async (c) => c.json(await run(redis, await c.req.json(), encodingOf(c), false)),
    )
    .post(
      "/multi-exec",
      async (c) => c.json(await run(redis, await c.req.json(), encodingOf(c), true)),
    )
    .onError((error, c) => c.json({ error: error.message }, 400))
}
