/**
 * The audit over the data folder of an embedded system, running or not, on both runtimes. It
 * reports all orders that a participant lost when its database was restored to an older state,
 * heals orphans, and says in one line when there is nothing to audit.
 */
import { randomUUID } from "node:crypto"
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect } from "effect"
import postgres from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { lockDataFolder } from "#compose/embedded/data-folder.ts"
import { startPostgres } from "#compose/embedded/postgres/postgres.ts"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { undecided } from "#tests/support/books.ts"
import { inParallel, newCustomer, until } from "#tests/support/customer.ts"
import { type EmbeddedProcess, postgresOf, startEmbedded } from "#tests/support/embedded-process.ts"
import { everyNth } from "#tests/support/length.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { jsonOf, runAudit } from "./audit-process.ts"

const folder = mkdtempSync(join(tmpdir(), "unwind-audit-"))
const DATA_DIR = join(folder, "data")
const runtimes = everyNth(2, ["node", "deno"] as const)

let system: EmbeddedProcess | undefined
let missing: ReadonlyArray<string>
const orphans = { node: randomUUID(), deno: randomUUID() }

const inDatabase = async <A>(name: string, run: (sql: postgres.Sql) => PromiseLike<A>) => {
  const url = new URL(postgresOf(DATA_DIR))
  url.pathname = name
  const sql = postgres(url.href, { max: 1, onnotice: () => {} })
  return await Promise.resolve(run(sql)).finally(() => sql.end())
}

/** The contents of the databases: the definition of each table, and a checksum of its rows. */
const contents = async () => {
  const found: Record<string, unknown> = {}
  for (const name of ["auth", "billing", "items", "slots", "orders"]) {
    found[name] = await inDatabase(name, async (sql) => {
      const columns = await sql`
        select table_name, column_name, data_type from information_schema.columns
        where table_schema = 'public' order by 1, 2`
      const tables = [...new Set(columns.map((column) => String(column["table_name"])))]
      const rows = tables.map((table) =>
        sql.unsafe(
          `select md5(string_agg(t::text, ',' order by t::text)) as rows from "${table}" t`,
        )
      )
      return [columns.map((column) => ({ ...column })), (await Promise.all(rows)).flat()]
    })
  }
  return JSON.parse(JSON.stringify(found))
}

const placeMany = async (count: number) => {
  const customer = await newCustomer(() => system!.baseUrl)
  const ids: Array<string> = []
  await inParallel(count, 10, async (n) => {
    // Every fifth order is rejected.
    const wish = { amount: 1, item: n % 5 === 0 ? 11 : 1, slot: `0${n % 10}:00` }
    ids.push((await customer.tryToPlace(wish, randomUUID()))!)
  })
  await until(
    "all orders are final",
    patienceMs,
    async () => await undecided(postgresOf(DATA_DIR)) === 0,
  )
  return ids
}

beforeAll(async () => {
  system = await startEmbedded({ DATA_DIR, QUEUE_URL: "memory:" })
  await placeMany(30)
  await inDatabase(
    "slots",
    (sql) =>
      sql.unsafe(
        "create table kept as table slots; create table kept_reservations as table reservations",
      ),
  )
  const later = await placeMany(60)
  missing = (await inDatabase("orders", (sql) =>
    sql`select id from orders where status = 'completed' and id = any(${later}::uuid[])`))
    .map(({ id }) =>
      id as string
    )
})

afterAll(async () => {
  await system?.end("SIGTERM")
  rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
})

/** Restores slots to its older state, and adds an orphan for each runtime. */
const damage = async () => {
  await inDatabase(
    "slots",
    (sql) =>
      sql.unsafe(`truncate slots, reservations; insert into slots table kept;
      insert into reservations table kept_reservations`),
  )
  for (const orphan of Object.values(orphans)) {
    await inDatabase(
      "items",
      (sql) =>
        sql.unsafe(`update items set stock = stock - 1 where id = '3';
        insert into reservations (order_id, outcome, resource, quantity, recorded_at)
        values ('${orphan}', 'reserved', '3', 1, now() - interval '1 day')`),
    )
  }
}

/** The tests run in this sequence: each begins with the state that the one before left. */
describe("npm run audit", () => {
  it.each(runtimes)("finds nothing in a sound, running system, on %s", async (runtime) => {
    const { code, errors, output } = await runAudit(runtime, { DATA_DIR })
    expect(errors).toBe("")
    expect(output).toMatch(
      /^Orders {4}90: held by all 72, by none 18, in flight 0, with findings 0\n/,
    )
    expect(output).toMatch(
      /Books {5}22 resources, all balance\nFindings {2}none\n$/,
    )
    expect(code).toBe(0)
  })

  it.each(runtimes)(
    "reports every order that a running system lost, on %s",
    async (runtime) => {
      if (runtime === "node") await damage()
      expect(missing.length).toBe(48)
      const end = await runAudit(runtime, { DATA_DIR }, "--json")
      const { findings, sums } = jsonOf(end)
      const lost = missing.map((id) => `missing slots ${id} false`)
      const held = Object.values(orphans).map((id) => `orphan items ${id} false`)
      expect(findings).toEqual([...lost, ...held].sort())
      expect(sums).toMatchObject({
        inQuestion: 50,
        healed: 0,
        left: 50,
        found: { missing: 48, orphan: 2 },
      })
      expect([end.code, end.errors]).toEqual([1, ""])
    },
  )

  it("heals orphans while the system runs, and leaves the rest to a person", async () => {
    const { code, output } = await runAudit("node", { DATA_DIR }, "--heal")
    for (const orphan of Object.values(orphans)) {
      expect(output).toMatch(
        new RegExp(`^orphan +${orphan} +.*items holds 1 of 3 \\(healed\\)$`, "m"),
      )
    }
    expect(output).toMatch(/^Findings {2}48 missing, 2 orphan; 2 healed$/m)
    expect(output).toMatch(/^ {2}missing: a person decides: restore a newer backup of slots/m)
    expect(code).toBe(1)
    const again = jsonOf(await runAudit("deno", { DATA_DIR }, "--heal", "--json"))
    expect(again.sums).toMatchObject({ healed: 0, left: 48 })
  })

  it.each(runtimes)("reports the same for a stopped system, on %s", async (runtime) => {
    if (system !== undefined) {
      expect(await system.end("SIGTERM")).toBe(0)
      system = undefined
    }
    const end = await runAudit(runtime, { DATA_DIR }, "--json")
    expect(end.errors).toBe("")
    expect(jsonOf(end).findings).toEqual(missing.map((id) => `missing slots ${id} false`).sort())
    expect(end.code).toBe(1)
  })

  it("changes nothing in an older version's folder, and says what it cannot read", async () => {
    const alter = async () => {
      await inDatabase(
        "orders",
        (sql) => sql`delete from migrations where name = '0003_analyze.sql'`,
      )
      await inDatabase("slots", (sql) => sql`truncate slots`)
    }
    system ??= await startEmbedded({ DATA_DIR, QUEUE_URL: "memory:" })
    await alter()
    rmSync(join(DATA_DIR, "secrets/orchestrator.private.json"))
    const before = await contents()
    const check = async () => {
      const end = await runAudit("node", { DATA_DIR }, "--heal")
      expect(end.errors).toBe("")
      expect(end.output).toMatch(
        /\n {2}orders: its database is from an older version \(without 0003_analyze\.sql\): start /,
      )
      expect(end.output).toMatch(/^Orders {4}0: .*\nBooks {5}\d+ resources/m)
      expect(existsSync(join(DATA_DIR, "secrets/orchestrator.private.json"))).toBe(false)
    }
    await check()
    expect(await contents()).toEqual(before)
    expect(await system.end("SIGTERM")).toBe(0)
    system = undefined
    await check()
    await Effect.runPromise(Effect.scoped(Effect.gen(function* () {
      yield* startPostgres({ dataDir: DATA_DIR, durable: false })
      expect(yield* Effect.promise(contents)).toEqual(before)
    })))
  })

  it("leaves the folder usable for a system", async () => {
    system = await startEmbedded({ DATA_DIR, QUEUE_URL: "memory:" })
    await placeMany(1)
    expect(await system.end("SIGTERM")).toBe(0)
    system = undefined
  })
})

describe("npm run audit without anything to audit", () => {
  const oneLine = /^Cannot audit: [^\n]+\n$/

  it.each(runtimes)("says so in one line, and creates no data folder, on %s", async (runtime) => {
    const nowhere = join(folder, "nowhere")
    const { code, errors, output } = await runAudit(runtime, { DATA_DIR: nowhere })
    expect(errors).toMatch(oneLine)
    expect(errors).toContain(`There is no data in ${nowhere}: set DATA_DIR`)
    expect([code, output]).toEqual([2, ""])
    expect(existsSync(nowhere)).toBe(false)
  })

  it("says so in one line while a system is starting or stopping", async () => {
    const busy = join(folder, "busy")
    mkdirSync(join(busy, "postgres"), { recursive: true })
    const { code, errors, output } = await lockDataFolder(busy).pipe(
      Effect.andThen(Effect.promise(() => runAudit("node", { DATA_DIR: busy }))),
      Effect.scoped,
      Effect.runPromise,
    )
    expect(errors).toMatch(oneLine)
    expect(errors).toContain(`The data folder ${busy} is in use: already running as process `)
    expect(errors).toContain("Its PostgreSQL cannot be reached now: try again")
    expect([code, output]).toEqual([2, ""])
  })

  it("names every setting that is missing or wrong, once one is given", async () => {
    const { code, errors } = await runAudit("node", { BILLING_URL: "ftp://localhost:1" })
    expect(errors).toMatch(/^Cannot audit: 2 settings are missing or invalid/)
    expect(errors).toContain("BILLING_URL is wrong: set it to ")
    expect(errors).toContain("SERVICE_PRIVATE_KEY is missing: set it to ")
    expect(code).toBe(2)
  })

  it("calls the services by their names when only their key is given", async () => {
    const keys = join(folder, "keys")
    await generateServiceKeys(keys)
    const { code, errors } = await runAudit("node", {
      SERVICE_PRIVATE_KEY: keyFiles(keys).privateKey("orchestrator"),
    })
    expect(errors).toMatch(/^Cannot audit: billing: billing cannot be reached /)
    expect(code).toBe(2)
  })

  it("refuses unknown flags, and shows its help", async () => {
    const { code, errors } = await runAudit("node", {}, "--fix")
    expect(errors).toBe("Unknown option '--fix': see npm run audit -- --help\n")
    expect(code).toBe(2)
    const help = await runAudit("deno", {}, "--help")
    expect(help.output).toMatch(/^Usage: npm run audit/)
    expect(help.code).toBe(0)
  })
})
