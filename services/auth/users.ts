/**
 * The users table. A row is pending until its sign-up is through, and belongs to the attempt that wrote it last; nobody but
 * a sign-up sees pending rows. Once it is active it stays: of a user who has closed the account the name is kept, so that
 * nobody else ever signs up with it. A name is taken by an active user whose name is the same, differs in case only, or looks
 * the same; users who were there before that was asked keep their names.
 */
import { Clock, Context, Effect, Layer, Schema } from "effect"
import { Database } from "#shared/postgres/database.ts"
import type { Sql } from "#shared/postgres/sql.ts"
import type { Transient } from "#shared/transient.ts"
import { keysOf, type NameKeys } from "./names.ts"
import { sessionEnds } from "./session-ends.ts"

/** A name and what no two names may have in common. */
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

/** A user whose password was right just now, and the hash that it was compared with. */
export interface ProvedUser {
  readonly username: string
  readonly passwordHash: string
}

// Any fixed number will do: it only has to be the same in every replica, and of another lock than that of migrations.
const namesLock = 7_305_842_002
/** How many names are given their keys in one transaction. */
const page = 1_000
const erasedAtOnce = 100
const pendingForMs = 24 * 60 * 60 * 1000

export class Users extends Context.Service<Users, {
  /** Writes the pending row, over that of an earlier attempt; false when the username belongs to an active user. */
  readonly begin: (user: PendingUser) => Effect.Effect<boolean, Transient>
  /** Whether the name belongs to an active user, or cannot be told from one that does. */
  readonly isTaken: (names: Names) => Effect.Effect<boolean, Transient>
  /**
   * Makes the user active; false when another attempt has written the row since, or the name is taken. The same answer when
   * asked again.
   */
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
  /** Writes the keys of names that a release before left without. */
  readonly fillKeys: Effect.Effect<void, Transient>
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
      // Names that are alike become active one after the other, so that the second one sees the first.
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

/** Writes the keys of some names, and gives of how many. */
const fillKeys = Effect.fnUntraced(function* (sql: Sql) {
  // Replicas that start together take turns, so that none is ready before all have their keys.
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

/** Before anybody asks, all names have their keys. Fails with Unavailable or Unknown. */
export const usersLayer: Layer.Layer<Users, Transient, Database> = Layer.effect(
  Users,
  Effect.map(
    Database,
    (database) => Users.of({ ...signingUp(database), ...finding(database), ...changing(database) }),
  ).pipe(Effect.tap(({ fillKeys }) => fillKeys)),
)
