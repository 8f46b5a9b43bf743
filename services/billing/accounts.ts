/**
 * The owners of wallets: opens accounts and looks them up. Reservations are in shared/reservations.
 */
import { Context, Effect, Layer, Schema } from "effect"
import { failpoint } from "#shared/failpoint.ts"
import { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"

export const Account = Schema.Struct({
  username: Schema.String,
  email: Schema.String,
  walletMinor: Schema.Int,
})
export type Account = typeof Account.Type

export class Accounts extends Context.Service<Accounts, {
  /** Opens an account once; repeated for the same username, it changes only the e-mail address. */
  readonly open: (username: string, email: string) => Effect.Effect<Account, Transient>
  /** Erases the e-mail address of an account, if there is one; its books stay. */
  readonly erase: (username: string) => Effect.Effect<void, Transient>
  readonly find: (username: string) => Effect.Effect<Account | undefined, Transient>
}>()("unwind/billing/Accounts") {}

export const accountsLayer = (openingWalletMinor: number): Layer.Layer<Accounts, never, Database> =>
  Layer.effect(
    Accounts,
    Effect.map(Database, ({ query }) =>
      Accounts.of({
        open: (username, email) =>
          query((sql) =>
            sql.row(Account)`
              insert into accounts (username, email, wallet)
              values (${username}, ${email}, ${openingWalletMinor})
              on conflict (username) do update set email = excluded.email
              returning username, email, wallet as "walletMinor"`
          ).pipe(
            Effect.map((account) => account!),
            Effect.tap(failpoint("billing.account opened")),
          ),
        erase: (username) =>
          query((sql) =>
            Effect.asVoid(sql`update accounts set email = '' where username = ${username}`)
          ),
        find: (username) =>
          query((sql) =>
            sql.row(Account)`
              select username, email, wallet as "walletMinor" from accounts
              where username = ${username}`
          ),
      })),
  )
