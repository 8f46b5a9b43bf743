/**
 * The users table. A row is pending until its sign-up is through, and belongs to the attempt that wrote it last; nobody but
 * a sign-up sees pending rows. Once it is active it stays: of a user who has closed the account the name is kept, so that
 * nobody else ever signs up with it.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"
import { sessionEnds } from "./session-ends.ts"

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

/** A user whose password was right just now, and the hash that it was compared with. */
export interface ProvedUser {
  readonly username: string
  readonly passwordHash: string
}

const erasedAtOnce = 100
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
  /**
   * Makes the password another one and ends all sessions, in one; false when it is another by now, or the account is closed.
   */
  readonly setPassword: (
    user: ProvedUser,
    passwordHash: string,
  ) => Effect.Effect<boolean, Transient>
  /**
   * Closes the account and ends all sessions, in one: from then on it is as if the user did not exist. What is known of the
   * person is to be erased from `eraseAt` on. False as above.
   */
  readonly close: (user: ProvedUser, eraseAt: Date) => Effect.Effect<boolean, Transient>
  /** The closed accounts, a hundred at most, that are to be erased by now. */
  readonly toErase: Effect.Effect<ReadonlyArray<string>, Transient>
  readonly postponeErasure: (username: string, eraseAt: Date) => Effect.Effect<void, Transient>
  /** Erases all but the name; false when that is done. */
  readonly erase: (username: string) => Effect.Effect<boolean, Transient>
  /** Deletes the rows of sign-ups that were given up a day ago. */
  readonly purge: Effect.Effect<void, Transient>
}>()("unwind/auth/Users") {}

/**
 * Holds an active user's row until the transaction ends; false when the password is another by now, or the account is
 * closed. Whoever opens sessions, or ends them all, takes turns by it.
 */
export const holdUser = (sql: Sql, { username, passwordHash }: ProvedUser) =>
  Effect.map(
    sql`
      select from users where username = ${username} and password_hash = ${passwordHash}
        and active and closed_at is null
      for no key update`,
    (count) => count === 1,
  )

const now = Effect.map(Clock.currentTimeMillis, (ms) => new Date(ms))

type Store = Database["Service"]

const signingUp = ({ query }: Store) => ({
  begin: ({ username, email, passwordHash, attempt }: PendingUser) =>
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
  activate: (username: string, attempt: string) =>
    query((sql) =>
      Effect.map(
        sql`
          update users set active = true where username = ${username} and attempt = ${attempt}`,
        (count) => count === 1,
      )
    ),
  purge: Effect.flatMap(Clock.currentTimeMillis, (now) =>
    query((sql) =>
      Effect.asVoid(sql`
        delete from users where not active and written_at < ${new Date(now - pendingForMs)}`)
    )),
})

const finding = ({ query }: Store) => ({
  find: (username: string) =>
    query((sql) =>
      sql.row(FoundUser)`
        select email, active from users where username = ${username}`
    ),
  credentials: (username: string, address: string) =>
    Effect.flatMap(now, (now) =>
      query((sql) =>
        sql.row(Credentials)`
          select password_hash as "passwordHash",
            exists (
              select from sessions s where s.username = users.username
              and s.address = ${address} and s.expires_at > ${now}
            ) as "addressIsKnown"
          from users where username = ${username} and active and closed_at is null`
      )),
})

const changing = ({ query, transaction }: Store) => {
  /** Does it to the user's row, and ends all sessions. */
  const restarting = (user: ProvedUser, change: (sql: Sql, now: Date) => Effect.Effect<unknown>) =>
    Effect.flatMap(now, (now) =>
      transaction((sql) =>
        Effect.gen(function* () {
          if (!(yield* holdUser(sql, user))) return false
          yield* change(sql, now)
          yield* sessionEnds(sql, now.getTime()).allOf(user.username)
          return true
        })
      ))
  return {
    setPassword: (user: ProvedUser, passwordHash: string) =>
      restarting(user, (sql) =>
        sql`
          update users set password_hash = ${passwordHash} where username = ${user.username}`),
    close: (user: ProvedUser, eraseAt: Date) =>
      restarting(user, (sql, now) =>
        sql`
          update users set closed_at = ${now}, erase_at = ${eraseAt}
          where username = ${user.username}`),
    toErase: Effect.flatMap(now, (now) =>
      query((sql) =>
        Effect.map(
          sql.rows(Named)`
            select username from users where erase_at <= ${now}
            order by erase_at limit ${erasedAtOnce}`,
          (rows) => rows.map(({ username }) => username),
        )
      )),
    postponeErasure: (username: string, eraseAt: Date) =>
      query((sql) =>
        Effect.asVoid(sql`
          update users set erase_at = ${eraseAt} where username = ${username} and erase_at is not null`)
      ),
    erase: (username: string) =>
      query((sql) =>
        Effect.map(
          sql`
            update users set email = '', password_hash = '', erase_at = null
            where username = ${username} and erase_at is not null`,
          (count) => count === 1,
        )
      ),
  }
}

const Named = Schema.Struct({ username: Schema.String })

export const usersLayer: Layer.Layer<Users, never, Database> = Layer.effect(
  Users,
  Effect.map(
    Database,
    (database) => Users.of({ ...signingUp(database), ...finding(database), ...changing(database) }),
  ),
)
