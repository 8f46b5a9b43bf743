/**
 * Auth's calls to billing: open the account of a new user, and erase the personal data of a closed
 * one.
 */
import { Context, Effect, Layer, Schedule } from "effect"
import { post } from "#shared/http/client.ts"
import { ServiceSigner } from "#shared/security/service-tokens.ts"
import { steadyMs } from "#shared/steady-time.ts"
import type { Transient } from "#shared/transient.ts"

export class Billing extends Context.Service<Billing, {
  /**
   * Opens the account unless there is one, and sets its e-mail address. Retries for about three
   * seconds. Fails with Transient; the account may exist all the same.
   */
  readonly openAccount: (username: string, email: string) => Effect.Effect<void, Transient>
  /** Erases an account except its books. Fails with Transient; it may be erased all the same. */
  readonly eraseAccount: (username: string) => Effect.Effect<void, Transient>
}>()("unwind/auth/Billing") {}

const triedForMs = 3_000

export const billingLayer = (url: URL): Layer.Layer<Billing, never, ServiceSigner> =>
  Layer.effect(
    Billing,
    Effect.map(ServiceSigner, ({ tokenFor }) => {
      const callee = { name: "billing", url, token: tokenFor("billing"), timeoutMs: 5_000 }
      return Billing.of({
        openAccount: (username, email) =>
          Effect.flatMap(steadyMs, (startedAtMs) =>
            post(callee, "/api/profiles/", { username, email }).pipe(
              Effect.retry({
                schedule: Schedule.exponential("100 millis"),
                while: () =>
                  Effect.map(steadyMs, (nowMs) => nowMs - startedAtMs < triedForMs),
              }),
              Effect.asVoid,
            )),
        eraseAccount: (username) =>
          Effect.asVoid(post(callee, "/internal/accounts/erase", { username })),
      })
    }),
  )
