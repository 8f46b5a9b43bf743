/**
 * The users table. A row is pending until its sign-up is through, and belongs to the attempt that wrote it last; once it
 * is active it never changes again. Nobody but a sign-up sees pending rows.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { Database } from "#shared/postgres/database.ts"
import type { Transient } from "#shared/transient.ts"

export interface PendingUser {
  readonly username: string
  readonly email: string
  readonly passwordHash: string
  readonly attempt: string
}

export const FoundUser = Schema.Struct({ email: Schema.String, active: Schema.Boolean })
export type FoundUser = typeof FoundUser.Type

export const Credentials = Schema.Struct({
  passwordHash: Schema.String,
  /** Whether a live session of the user was opened from the address in question. */
  addressIsKnown: Schema.Boolean,
})
export type Credentials = typeof Credentials.Type

const pendingForMs = 24 * 60 * 60 * 1000

export class Users extends Context.Service<Users, {
  /** Writes the pending row, over that of an earlier attempt; false when the username belongs to an active user. */
  readonly begin: (user: PendingUser) => Effect.Effect<boolean, Transient>
  /** Makes the user active; false when another attempt has written the row since. The same answer when asked again. */
  readonly activate: (username: string, attempt: string) => Effect.Effect<boolean, Transient>
  readonly find: (username: string) => Effect.Effect<FoundUser | undefined, Transient>
  /** What an active user's log-in is checked against. */
  readonly credentials: (
    username: string,
    address: string,
  ) => Effect.Effect<Credentials | undefined, Transient>
  /** Deletes the rows of sign-ups that were given up a day ago. */
  readonly purge: Effect.Effect<void, Transient>
}>()("unwind/auth/Users") {}

const make = Effect.map(Database, ({ query }) => {
  const now = Effect.map(Clock.currentTimeMillis, (ms) => new Date(ms))
  return Users.of({
    begin: ({ username, email, passwordHash, attempt }) =>
      Effect.flatMap(now, (now) =>
        query((sql) =>
          Effect.map(
            sql`
              insert into users (username, email, password_hash, attempt, written_at)
              values (${username}, ${email}, ${passwordHash}, ${attempt}, ${now})
              on conflict (username) do update
              set email = excluded.email, password_hash = excluded.password_hash,
                attempt = excluded.attempt, written_at = excluded.written_at
              where not users.active`,
            (count) => count === 1,
          )
        )),
    activate: (username, attempt) =>
      query((sql) =>
        Effect.map(
          sql`
            update users set active = true where username = ${username} and attempt = ${attempt}`,
          (count) => count === 1,
        )
      ),
    find: (username) =>
      query((sql) =>
        sql.row(FoundUser)`
          select email, active from users where username = ${username}`
      ),
    credentials: (username, address) =>
      Effect.flatMap(now, (now) =>
        query((sql) =>
          sql.row(Credentials)`
            select password_hash as "passwordHash",
              exists (
                select from sessions s where s.username = users.username
                and s.address = ${address} and s.expires_at > ${now}
              ) as "addressIsKnown"
            from users where username = ${username} and active`
        )),
    purge: Effect.flatMap(Clock.currentTimeMillis, (now) =>
      query((sql) =>
        Effect.asVoid(sql`
          delete from users where not active and written_at < ${new Date(now - pendingForMs)}`)
      )),
  })
})

export const usersLayer: Layer.Layer<Users, never, Database> = Layer.effect(Users, make)
