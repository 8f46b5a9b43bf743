import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect } from "effect"
import { mkdtemp, rm, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { billing } from "#services/billing/service.ts"
import {
  duration,
  Environment,
  flag,
  oneOf,
  optional,
  port,
  readSettings,
  type Setting,
  text,
  url,
  whole,
} from "#shared/config/settings.ts"
import { startWithin } from "#shared/service/service.ts"

const read = <const R extends Record<string, Setting<unknown>>>(
  settings: R,
  environment: Readonly<Record<string, string | undefined>>,
) => Effect.provideService(readSettings(settings), Environment, environment)

/** The value that a setting makes of the text, or undefined if it refuses the text. */
const taken = (setting: Setting<unknown>, value: string) =>
  read({ IT: setting }, { IT: value }).pipe(
    Effect.map(({ IT }) => IT),
    Effect.catch(() => Effect.succeed("refused")),
  )

const all = {
  NAME: text("the name of the shop"),
  STOCK: whole("the stock of each item", { minimum: 0, maximum: 10 }, 7),
  PORT: port("the TCP port to listen on", 8080),
  WAIT: duration("how long to wait", "2 minutes"),
  LEVEL: oneOf("the level", ["low", "high"], "low"),
  TRACE: flag("whether to trace", false),
  DATABASE_URL: url("the database", ["postgres", "postgresql"]),
  PROXY: optional(url("a proxy", ["http"])),
}

describe("readSettings", () => {
  it.effect("reads the values that are given, and takes the defaults of the others", () =>
    Effect.gen(function* () {
      const given = { NAME: " Shop ", DATABASE_URL: "postgres://u:p@db:5432/shop", STOCK: "" }
      const { WAIT, DATABASE_URL, ...rest } = yield* read(all, given)
      assert.deepStrictEqual(rest as unknown, {
        NAME: "Shop",
        STOCK: 7,
        PORT: 8080,
        LEVEL: "low",
        TRACE: false,
      })
      assert.strictEqual(Duration.toMillis(WAIT), 120_000)
      assert.strictEqual(DATABASE_URL.href, "postgres://u:p@db:5432/shop")
    }))

  it.effect("names all missing and invalid settings at once, and shows no values", () =>
    Effect.gen(function* () {
      const secret = "s3cret"
      const { message } = yield* Effect.flip(read(all, {
        STOCK: secret,
        PORT: "70000",
        WAIT: secret,
        LEVEL: secret,
        TRACE: secret,
        DATABASE_URL: `mysql://u:${secret}@db/shop`,
        PROXY: `ftp://${secret}`,
      }))
      assert.deepStrictEqual(message.split("\n"), [
        "8 settings are missing or invalid (see .env.example):",
        "  NAME is missing: set it to the name of the shop",
        "  STOCK is wrong: set it to the stock of each item, a whole number from 0 to 10",
        "  PORT is wrong: set it to the TCP port to listen on, a whole number from 0 to 65535",
        '  WAIT is wrong: set it to how long to wait, in words such as "2 minutes" or "500 millis"',
        "  LEVEL is wrong: set it to the level: low, high",
        "  TRACE is wrong: set it to whether to trace, true or false",
        "  DATABASE_URL is wrong: set it to the database, a URL that starts with postgres: or postgresql:",
        "  PROXY is wrong: set it to a proxy, a URL that starts with http:",
      ])
    }))

  it.effect("uses the singular for one setting", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(read({ NAME: text("a name") }, { NAME: "  " }))
      assert.strictEqual(
        message,
        "One setting is missing or invalid (see .env.example):\n  NAME is missing: set it to a name",
      )
    }))

  it.live("reads a value from the file that NAME_FILE names, and says so when it cannot", () =>
    Effect.gen(function* () {
      const folder = yield* Effect.acquireRelease(
        Effect.promise(() => mkdtemp(join(tmpdir(), "unwind-test-"))),
        (folder) => Effect.promise(() => rm(folder, { recursive: true })),
      )
      const file = join(folder, "secret")
      yield* Effect.promise(() => writeFile(file, "from the file\n"))
      const setting = { NAME: text("a name") }
      assert.strictEqual((yield* read(setting, { NAME_FILE: file })).NAME, "from the file")
      const both = yield* read(setting, { NAME: "given", NAME_FILE: file })
      assert.strictEqual(both.NAME, "given")
      yield* Effect.promise(() => writeFile(file, "\n"))
      const empty = yield* Effect.flip(read(setting, { NAME_FILE: file }))
      assert.include(empty.message, "NAME is missing")
      const none = yield* Effect.flip(read(setting, { NAME_FILE: `${file}.none`, OTHER: "" }))
      assert.include(none.message, `NAME_FILE is wrong (ENOENT`)
      assert.include(none.message, `${file}.none`)
    }))

  it.effect("accepts whole numbers within their bounds, and nothing else", () =>
    Effect.gen(function* () {
      const stock = whole("a stock", { minimum: -1, maximum: 9_007_199_254_740_991 })
      assert.strictEqual(yield* taken(stock, "-1"), -1)
      assert.strictEqual(yield* taken(stock, "9007199254740991"), 9_007_199_254_740_991)
      for (
        const wrong of ["-2", "9007199254740992", "1.5", "1,000", "one", "NaN", "Infinity", "1 2"]
      ) {
        assert.strictEqual(yield* taken(stock, wrong), "refused", wrong)
      }
    }))

  it.effect("accepts durations in words, if they are finite and positive", () =>
    Effect.gen(function* () {
      const wait = duration("a time", "1 second")
      for (const [words, millis] of [["500 millis", 500], ["2 minutes", 120_000]] as const) {
        assert.strictEqual(
          Duration.toMillis((yield* taken(wait, words)) as Duration.Duration),
          millis,
        )
      }
      for (
        const wrong of [
          "2",
          "minutes",
          "-1 second",
          "0 seconds",
          "2 moons",
          "Infinity",
          "two minutes",
        ]
      ) {
        assert.strictEqual(yield* taken(wait, wrong), "refused", wrong)
      }
    }))
})

describe("startWithin", () => {
  it.effect("starts nothing when settings are missing, and names them all", () =>
    Effect.gen(function* () {
      const { message } = yield* Effect.flip(startWithin(billing, {
        DATABASE_URL: "postgres://u:s3cret@localhost/billing?x",
        DATABASE_POOL: "1",
        OPENING_WALLET_MINOR: "-5",
      }))
      const named = message.split("\n").slice(1).map((line) => line.trim().split(" ")[0])
      assert.deepStrictEqual(named.toSorted(), [
        "DATABASE_POOL",
        "JWKS_URL",
        "OPENING_WALLET_MINOR",
        "SERVICE_PUBLIC_KEYS",
      ])
      assert.notInclude(message, "s3cret")
    }))
})
