/**
 * The users table. A row is pending until its sign-up is complete, and belongs to the attempt that
 * wrote it last; only sign-ups see pending rows. An active row stays: when the account is closed
 * the name is kept, so that nobody else signs up with it. A name is taken when an active user's
 * name is the same, differs in case only, or looks the same; users from before this rule keep their
 * names.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"
import { keysOf, type NameKeys } from "./names.ts"
import { sessionEnds } from "./session-ends.ts"

/** A name, and the keys that no two names may share. */
export interface Names extends NameKeys {
  readonly username: string
}

export interface PendingUser extends Names {
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

/** A user whose password was right just now, and the hash that it matched. */
export interface ProvedUser {
  readonly username: string
  readonly passwordHash: string
}

// Any fixed number, the same in every replica, and another than the lock of migrations.
const namesLock = 7_305_842_002
/** How many names get their keys in one transaction. */
const page = 1_000
const erasedAtOnce = 100
const pendingForMs = 24 * 60 * 60 * 1000

export class Users extends Context.Service<Users, {
  /**
   * Writes the pending row, over that of an earlier attempt; false when the username belongs to an
   * active user.
   */
  readonly begin: (user: PendingUser) => Effect.Effect<boolean, Transient>
  /** Whether the name belongs to an active user, or cannot be told from one that does. */
  readonly isTaken: (names: Names) => Effect.Effect<boolean, Transient>
  /**
   * Makes the user active; false when another attempt has written the row since, or the name is
   * taken. Idempotent.
   */
  readonly activate: (username: string, attempt: string) => Effect.Effect<boolean, Transient>
  readonly find: (username: string) => Effect.Effect<FoundUser | undefined, Transient>
  /** What the log-in of an active user is checked against. */
  readonly credentials: (
    username: string,
    address: string,
  ) => Effect.Effect<Credentials | undefined, Transient>
  /**
   * Changes the password and ends all sessions, in one transaction. False when the password has
   * changed since it was checked, or the account is closed.
   */
  readonly setPassword: (
    user: ProvedUser,
    passwordHash: string,
  ) => Effect.Effect<boolean, Transient>
  /**
   * Closes the account and ends all sessions, in one transaction: it is then as if the user did not
   * exist. Personal data is to be erased from `eraseAt` on. False as for `setPassword`.
   */
  readonly close: (user: ProvedUser, eraseAt: Date) => Effect.Effect<boolean, Transient>
  /** The closed accounts that are due to be erased, a hundred at most. */
  readonly toErase: Effect.Effect<ReadonlyArray<string>, Transient>
  readonly postponeErasure: (username: string, eraseAt: Date) => Effect.Effect<void, Transient>
  /** Erases all but the name; false when that is done already. */
  readonly erase: (username: string) => Effect.Effect<boolean, Transient>
  /** Writes the keys of names that an earlier release left without. */
  readonly fillKeys: Effect.Effect<void, Transient>
  /** Deletes pending sign-ups that are more than a day old. */
  readonly purge: Effect.Effect<void, Transient>
}>()("unwind/auth/Users") {}

/**
 * Locks an active user's row until the transaction ends; false when the password has changed since
 * it was checked, or the account is closed. Everything that opens sessions, or ends all of them,
 * takes turns by it.
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

const signingUp = ({ query, transaction }: Store) => ({
  begin: ({ username, folded, look, email, passwordHash, attempt }: PendingUser) =>
    Effect.flatMap(now, (now) =>
      query((sql) =>
        Effect.map(
          sql`
            insert into users
              (username, folded, look, email, password_hash, attempt, written_at)
            values
              (${username}, ${folded}, ${look}, ${email}, ${passwordHash}, ${attempt}, ${now})
            on conflict (username) do update
            set folded = excluded.folded, look = excluded.look, email = excluded.email,
              password_hash = excluded.password_hash, attempt = excluded.attempt,
              written_at = excluded.written_at
            where not users.active`,
          (count) => count === 1,
        )
      )),
  isTaken: ({ username, folded, look }: Names) =>
    query((sql) =>
      Effect.map(
        sql.row(Schema.Struct({}))`
          select from users
          where active and (username = ${username} or folded = ${folded} or look = ${look})
          limit 1`,
        (row) => row !== undefined,
      )
    ),
  activate: (username: string, attempt: string) =>
    transaction(Effect.fnUntraced(function* (sql) {
      // Names that look alike become active one after another, so that the second one sees the
      // first.
      yield* sql`select pg_advisory_xact_lock(${namesLock})`
      const count = yield* sql`
        update users set active = true
        where username = ${username} and attempt = ${attempt} and not exists (
          select from users u where u.active and u.username <> users.username
          and (u.folded = users.folded or u.look = users.look)
        )`
      return count === 1
    })),
  fillKeys: Effect.repeat(transaction(fillKeys), { while: (filled) => filled === page }).pipe(
    Effect.asVoid,
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
  /** Changes the user's row, and ends all sessions. */
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
          update users set closed_at = ${now}, erase_at = ${eraseAt}, operator_since = null
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

/** Writes the keys of up to a page of names, and returns their number. */
const fillKeys = Effect.fnUntraced(function* (sql: Sql) {
  // Replicas that start together take turns, so that none is ready before all names have their
  // keys.
  yield* sql`select pg_advisory_xact_lock(${namesLock})`
  const rows = yield* sql.rows(Named)`
    select username from users where folded is null order by username limit ${page}`
  if (rows.length === 0) return 0
  const keys = rows.map(({ username }) => keysOf(username))
  yield* sql`
    update users set folded = filled.folded, look = filled.look
    from unnest(
      ${rows.map(({ username }) => username)}::text[],
      ${keys.map(({ folded }) => folded)}::text[],
      ${keys.map(({ look }) => look)}::text[]
    ) as filled (username, folded, look)
    where users.username = filled.username`
  return rows.length
})

/** All names have their keys before the layer is ready. Fails with Transient. */
export const usersLayer: Layer.Layer<Users, Transient, Database> = Layer.effect(
  Users,
  Effect.map(
    Database,
    (database) => Users.of({ ...signingUp(database), ...finding(database), ...changing(database) }),
  ).pipe(Effect.tap(({ fillKeys }) => fillKeys)),
)
