/** The addresses of services: which are allowed, and that no part of one is ignored. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { addressSettingsOf } from "#shared/config/addresses.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"
import { roster } from "#shared/roster.ts"

const read = (url: string) =>
  readSettings(addressSettingsOf("auth")).pipe(
    Effect.provideService(Environment, { BILLING_URL: url, ORDERS_URL: "http://host:9083" }),
  )

describe("the address of a service", () => {
  it.effect("is its name and its internal port by default", () =>
    Effect.gen(function* () {
      const { BILLING_URL, ORDERS_URL } = yield* read("")
      assert.strictEqual(BILLING_URL.href, `http://billing:${roster.billing.internalPort}/`)
      assert.strictEqual(ORDERS_URL.href, "http://host:9083/")
    }))

  it.effect("may have a path, which is kept", () =>
    Effect.gen(function* () {
      for (const path of ["/", "/billing", "/billing/", "/a/b/"]) {
        assert.strictEqual((yield* read(`http://host:8082${path}`)).BILLING_URL.pathname, path)
      }
    }))

  it.effect("is refused if it has a part that would be ignored", () =>
    Effect.gen(function* () {
      for (
        const url of ["http://host/?a=b", "http://host/#a", "http://user@host/", "http://u:p@host/"]
      ) {
        const { message } = yield* Effect.flip(read(url))
        assert.match(message, /BILLING_URL is wrong: .* with no user, query or fragment/, url)
      }
    }))
})
