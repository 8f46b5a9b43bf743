/**
 * Applies a service's numbered SQL files, each once and in order, in one transaction under a lock:
 * replicas that start together take turns, and a failing file leaves the database unchanged.
 * Applied files are never edited; their line ends do not matter.
 */
import { Effect, Schema } from "effect"
import { createHash } from "node:crypto"
import { readdir, readFile } from "node:fs/promises"
import { join } from "node:path"
import { holdsAll, OnlyLooking } from "./only-looking.ts"
import type { Sql } from "./sql.ts"

// Any number that is the same in every replica.
const lock = 7_305_842_001

/** A migration in memory. */
export interface Migration {
  readonly name: string
  readonly text: string
}

/** A folder of numbered SQL files, or the migrations themselves, in their order. */
export type Migrations = string | ReadonlyArray<Migration>

const Applied = Schema.Struct({ name: Schema.String, checksum: Schema.String })

/**
 * Migrates the database, within the transaction; with OnlyLooking, checks that it is migrated. Dies
 * with an Error that names what failed, was changed, or is missing.
 */
export const migrate = Effect.fnUntraced(function* (sql: Sql, migrations: Migrations) {
  const all = typeof migrations === "string"
    ? yield* Effect.promise(() => filesIn(migrations))
    : migrations
  if (yield* OnlyLooking) return yield* holdsAll(sql, all.map(({ name }) => name))
  // No timeouts: a file takes the time it needs, and other replicas wait for it.
  yield* sql`set local statement_timeout = 0`
  yield* sql`set local lock_timeout = 0`
  yield* sql`select pg_advisory_xact_lock(${lock})`
  yield* sql`create table if not exists migrations (
      name text primary key, checksum text not null, applied_at timestamptz not null default now())`
  const applied = yield* sql.rows(Applied)`select name, checksum from migrations`
  const known = new Map(applied.map(({ name, checksum }) => [name, checksum]))
  for (const { name, text: asRead } of all) {
    const text = asRead.replaceAll("\r\n", "\n")
    const recorded = known.get(name)
    // Older versions recorded the text with the line ends of the checkout.
    if ([text, text.replaceAll("\n", "\r\n"), asRead].some((as) => checksumOf(as) === recorded)) {
      continue
    }
    if (recorded !== undefined) {
      return yield* Effect.die(
        new Error(`the migration ${name} was changed after it was applied; add a new file instead`),
      )
    }
    yield* Effect.catchDefect(
      sql.script(text),
      (error) => Effect.die(new Error(`the migration ${name} failed: ${(error as Error).message}`)),
    )
    yield* sql`insert into migrations (name, checksum) values (${name}, ${checksumOf(text)})`
  }
})

const checksumOf = (text: string) => createHash("sha256").update(text).digest("hex")

const filesIn = async (folder: string): Promise<ReadonlyArray<Migration>> => {
  const names = (await readdir(folder)).filter((file) => file.endsWith(".sql")).sort()
  return Promise.all(
    names.map(async (name) => ({ name, text: await readFile(join(folder, name), "utf8") })),
  )
}
