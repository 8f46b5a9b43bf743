/**
 * A database is backed up and restored by the commands of docs/operate.md, without the containers
 * around them: its content is back, and its service goes on with it.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { execFileSync, spawnSync } from "node:child_process"
import { basename } from "node:path"
import createClient from "postgres"
import { blocksIn } from "#tests/e2e/documented-commands.ts"
import { newDatabase, onlooker, openDatabase, temporaryFolder } from "./open-database.ts"

const server = new URL(process.env["UNWIND_TEST_POSTGRES_URL"]!)
const migrations = "services/items/migrations"

const majorIn = (text: string) => Number(/(\d+)/.exec(text)?.[1] ?? 0)

/** Why this cannot be tested here; pg_dump refuses servers that are newer than itself. */
const whyNot = async (): Promise<string | undefined> => {
  const { stdout } = spawnSync("pg_dump", ["--version"], { encoding: "utf8" })
  if (!stdout) return "there is no pg_dump"
  const sql = createClient(server.href, { max: 1 })
  const [row] = await sql<[{ server_version: string }]>`show server_version`
  await sql.end()
  return majorIn(stdout) < majorIn(row.server_version)
    ? "pg_dump is older than the server"
    : undefined
}
const why = await whyNot()

/**
 * The commands of a section for Compose, for one database, as PostgreSQL's container would run
 * them.
 */
const linesOf = (heading: string, database: string): ReadonlyArray<string> =>
  blocksIn("docs/operate.md", "compose")[heading]!.flatMap((block) => block.split("\n"))
    .filter((line) => / exec (?:-T )?postgres /.test(line))
    .map((line) =>
      line.trim()
        .replace(/^docker compose exec (?:-T )?postgres /, "")
        .replace("--username postgres", `--username ${server.username}`)
        // databases.sh creates a database that is missing.
        .replace(/^bash \S+databases\.sh$/, `createdb --username ${server.username} ${database}`)
        .replaceAll(/\b(?<!\/)items\b(?!\.dump)|\$name\b(?!\.dump)/g, database)
        .replaceAll("$name.dump", "items.dump")
    )

const run = (command: string, cwd: string) =>
  void execFileSync("sh", ["-c", command], {
    cwd,
    env: {
      ...process.env,
      PGHOST: server.hostname,
      PGPORT: server.port,
      PGPASSWORD: decodeURIComponent(server.password),
    },
  })

describe.skipIf(why !== undefined)(
  `a dump of a database (${why ?? "as the runbook makes it"})`,
  () => {
    it.live("replaces what is there when it is restored", () =>
      Effect.gen(function* () {
        const folder = yield* temporaryFolder
        const url = yield* newDatabase
        const database = basename(new URL(url).pathname)
        const look = Effect.scoped(Effect.flatMap(onlooker(url), (sql) =>
          Effect.promise(() =>
            sql`select id, stock from items order by id`
          )))
        const change = (stock: number) =>
          Effect.scoped(Effect.gen(function* () {
            const { query } = yield* openDatabase(url, { migrations })
            yield* query((sql) =>
              sql`insert into items (id, name, stock) values ('1', 'Item1', ${stock})
              on conflict (id) do update set stock = excluded.stock`
            )
          }))
        yield* change(100)
        const before = yield* look
        const [dump, ...restore] = [
          ...linesOf("One database after the other", database).filter((line) =>
            /^pg_dump/.test(line)
          ),
          ...linesOf("One database", database),
        ]
        assert.deepStrictEqual(
          restore.map((line) =>
            line.split(" ", 1)[0]
          ),
          ["dropdb", "createdb", "pg_restore"],
        )
        run(dump!, folder)
        yield* change(7)
        assert.notDeepEqual(yield* look, before)
        for (const line of restore) {
          run(line, folder)
        }
        assert.deepStrictEqual(yield* look, before)
        // Its migrations count as applied, and it is writable.
        yield* change(8)
      }))
  },
)
