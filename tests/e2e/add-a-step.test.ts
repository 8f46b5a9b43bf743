/**
 * `docs/add-a-step.md`, followed word for word in a copy of the sources, over a system that has old
 * orders on record and others in flight: the saga gets another step, and no accepted order is lost
 * or left half done.
 */
import { execFile, spawnSync } from "node:child_process"
import { randomUUID } from "node:crypto"
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { promisify } from "node:util"
import { parse } from "effect/encoding/Yaml"
import createClient from "postgres"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { leftToWrite } from "#compose/new-participant/left-to-write.ts"
import {
  type Customer,
  inParallel,
  newCustomer,
  until,
  type Wish,
} from "#tests/support/customer.ts"
import { type EmbeddedProcess, postgresOf, startEmbedded } from "#tests/support/embedded-process.ts"
import { atLength } from "#tests/support/length.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { commandOfGuide, edited, guide, guideEdits, indented, root, runIn } from "./add-a-step.ts"
import { blocksIn } from "./documented-commands.ts"
import { copySources, courier, madeHere, whyNoFourthStep } from "./fourth-step.ts"

const cleanups: Array<() => unknown> = []
const removed = (folder: string): string => {
  const options = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 }
  cleanups.push(() => rmSync(folder, options))
  return folder
}

let copy: string
beforeAll(async () => {
  copy = removed(copySources())
  expect(await runIn(copy, commandOfGuide("npm run new:participant"))).toMatchObject({ code: 0 })
  for (const edit of guideEdits) {
    const path = join(copy, edit.file)
    writeFileSync(path, edited(readFileSync(path, "utf8"), edit))
  }
})
afterAll(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe.skipIf(whyNoFourthStep)(madeHere(guide), () => {
  it("quotes the two edits that the command leaves to a person, word for word", () => {
    const suggested = leftToWrite(courier)
    expect(guideEdits.map(({ file, text }) => [file, indented(text, "  ")]))
      .toEqual(suggested.map(({ file, lines }) => [file, lines.trimEnd().split("\n")]))
  })

  it("makes and edits twelve files of the product", () => {
    const files = globSync(
      ["{services,shared,compose,k3d}/**/*.*", "compose.yaml", ".env.example", "*.json"],
      { cwd: copy },
    )
    const textIn = (folder: string, file: string) =>
      existsSync(join(folder, file)) ? readFileSync(join(folder, file), "utf8") : undefined
    const changed = files.filter((file) => textIn(root, file) !== textIn(copy, file))
    expect(changed, changed.join(", ")).toHaveLength(12)
  })

  it("leaves nothing missing for the type check, the roster or the manifests", async () => {
    expect(await runIn(copy, commandOfGuide("npx tsc"))).toEqual({ code: 0, output: "" })
    // The longest tests depend least on which services there are.
    const longest = ["k3d/up", "k3d/kustomize", "roster/rights"]
    const aside = longest.map((name) => ` --exclude tests/${name}.test.ts`).join("")
    const { code, output } = await runIn(copy, commandOfGuide("npx vitest") + atLength(aside, ""))
    expect(code, output).toBe(0)
  })

  it("links only to files and headings that exist", () => {
    const links = [
      ...readFileSync(join(root, guide), "utf8").matchAll(/\]\(([^)#]+)(?:#([^)]*))?\)/g),
    ]
    expect(links.length).toBeGreaterThan(2)
    for (const [, path = "", anchor] of links) {
      const file = join(root, dirname(guide), path)
      expect(existsSync(file), path).toBe(true)
      if (anchor === undefined) continue
      const headings = [...readFileSync(file, "utf8").matchAll(/^#+ (.*)$/gm)]
        .map(([, heading = ""]) => heading.toLowerCase().replaceAll(" ", "-"))
      expect(headings, path).toContain(anchor)
    }
  })

  it("names services of Compose that exist then", () => {
    const compose = parse(readFileSync(join(copy, "compose.yaml"), "utf8")) as {
      readonly services: Readonly<Record<string, unknown>>
    }
    const commands = Object.values(blocksIn(guide, "compose")).flat().join("\n")
    const named = [...commands.matchAll(/^docker compose (?:up|exec)((?: --?\S+)*)(?: (\w+))?/gm)]
      .flatMap(([, , service]) => service ?? [])
    expect(named).toContain("courier")
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(named))
  })
})

/** An order of the system in short texts: how it ended, and what was done for it. */
const told = async (customer: Customer, baseUrl: string, id: string) => {
  const { status, reason, timeline } = await customer.order(baseUrl, id)
  return {
    end: [status, ...(reason === null ? [] : [reason])].join(": "),
    done: timeline.map(({ action, step, outcome }) => `${action} ${step}: ${outcome}`),
  }
}

const forward = (...steps: ReadonlyArray<string>) =>
  steps.map((step) => `reserve ${step}: reserved`)
const back = (...steps: ReadonlyArray<string>) => steps.map((step) => `cancel ${step}: cancelled`)

const databaseOf = (dataDir: string, service: string) =>
  postgresOf(dataDir).replace(/\/postgres$/, `/${service}`)

/** Makes a participant answer nothing while its table is locked. */
const hold = async (dataDir: string, service: string, table: string) => {
  const sql = createClient(databaseOf(dataDir, service), { max: 1 })
  await new Promise<void>((resolve, reject) => {
    sql.begin(async (transaction) => {
      await transaction.unsafe(`lock table ${table} in access exclusive mode`)
      resolve()
      await new Promise((release) => cleanups.push(() => release(undefined)))
    }).catch(reject)
  })
  return { letGo: () => sql.end({ timeout: 0 }).catch(() => {}) }
}

/** The participant's record of an order. */
const recordOf = async (dataDir: string, service: string, id: string) => {
  const sql = createClient(databaseOf(dataDir, service), { max: 1 })
  try {
    const [row] = await sql<Array<{ readonly outcome: string }>>`
      select outcome from reservations where order_id = ${id}`
    return row?.outcome
  } finally {
    await sql.end()
  }
}

const [before, inFlight] = [30, 40]
const wish = (n: number): Wish => ({ amount: 0.01, item: 1 + n % 10, slot: `0${n % 10}:00` })
const threeSteps = ["money", "item", "slot"]
const fourSteps = [...threeSteps, "courier"]
const isThere = (program: string) =>
  spawnSync(program, ["--version"], { stdio: "ignore" }).status === 0

const overOldOrders = madeHere(
  "the grown system, with orders of three steps, some of them in flight",
)
describe.skipIf(whyNoFourthStep)(overOldOrders, () => {
  let DATA_DIR: string
  let system: EmbeddedProcess
  let customer: Customer
  const accepted: Array<string> = []
  /** The ends of other customers' orders. */
  const ofOthers: Array<string> = []

  const start = async (folder: string) => {
    const settings = { DATA_DIR, QUEUE_URL: "memory:", REPUBLISH_AFTER: "2 seconds" }
    system = await startEmbedded(settings, folder)
    const { end } = system
    cleanups.push(() => end("SIGKILL"))
  }
  const place = async (wanted: Wish): Promise<string> => {
    const answer = await customer.post(system.baseUrl, wanted, randomUUID())
    expect(answer.status).toBe(201)
    const { id } = await answer.json() as { readonly id: string }
    accepted.push(id)
    return id
  }
  const placeMany = async (count: number): Promise<ReadonlyArray<string>> => {
    const ids: Array<string> = []
    await inParallel(count, 10, async (n) => void ids.push(await place(wish(n))))
    return ids
  }
  const end = async (id: string) => {
    let last = await told(customer, system.baseUrl, id)
    await until(`${id} is final`, patienceMs, async () => {
      last = await told(customer, system.baseUrl, id)
      return /^(completed|failed)/.test(last.end)
    })
    return last
  }
  const endOfAll = async (ids: ReadonlyArray<string>) => {
    const ends: Array<string> = []
    for (const id of ids) ends.push(JSON.stringify(await end(id)))
    return [...new Set(ends)].map((text) => JSON.parse(text))
  }

  let old: ReadonlyArray<string>
  beforeAll(async () => {
    DATA_DIR = removed(mkdtempSync(join(tmpdir(), "unwind-data-")))
    await start(root)
    customer = await newCustomer(() => system.baseUrl)
    const done = await placeMany(before)
    await endOfAll(done)
    const slots = await hold(DATA_DIR, "slots", "slots")
    old = [...done, ...await placeMany(inFlight)]
    await system.end("SIGKILL")
    await slots.letGo()
    expect(commandOfGuide("npm start")).toBe("npm start")
    await start(copy)
  })

  it("completes orders that were accepted before, without a courier", async () => {
    expect(await endOfAll(old)).toEqual([{ end: "completed", done: forward(...threeSteps) }])
  })

  it("takes a courier for every new order, also for one without a district", async () => {
    const ids = [await place(wish(1)), await place({ ...wish(2), district: "10" })]
    expect(await endOfAll(ids)).toEqual([{ end: "completed", done: forward(...fourSteps) }])
  })

  it("gives back slot, item and money, in this order, when the courier refuses", async () => {
    const id = await place({ ...wish(3), district: "moon" })
    expect(await end(id)).toEqual({
      end: "failed: No courier is free",
      done: [
        ...forward(...threeSteps),
        "reserve courier: rejected",
        ...back(...threeSteps.toReversed()),
      ],
    })
    const records = ["billing", "items", "slots", "courier"].map((at) => recordOf(DATA_DIR, at, id))
    expect(await Promise.all(records)).toEqual(["cancelled", "cancelled", "cancelled", "rejected"])
  })

  it.skipIf(process.platform === "win32" || !isThere("curl"))(
    "answers the commands of the guide as the guide says (needs curl)",
    async () => {
      const block = Object.values(blocksIn(guide, "sh")).flat().find((one) => one.includes("curl"))!
      const promised = [...block.matchAll(/# \{(.*), \.\.\.\}$/gm)].map(([, fields]) => fields!)
      expect(promised).toHaveLength(2)
      const commands = block.replaceAll("localhost:8080", new URL(system.baseUrl).host)
      const { stdout } = await promisify(execFile)("/bin/sh", ["-c", commands])
      const answers = stdout.trim().split("\n").slice(-2)
        .map((line) => JSON.parse(line) as Readonly<Record<string, unknown>>)
      expect(answers).toMatchObject(promised.map((fields) => JSON.parse(`{${fields}}`)))
      ofOthers.push(...answers.map(({ status }) => String(status)))
    },
  )

  it("finishes orders of four steps after a kill -9, also a cancelled one", async () => {
    const districts = await hold(DATA_DIR, "courier", "districts")
    const [unwanted, ...others] = await placeMany(5)
    await until("each order has its slot, and waits for its courier", patienceMs, async () => {
      const all = [unwanted!, ...others].map((id) => recordOf(DATA_DIR, "slots", id))
      return (await Promise.all(all)).every((outcome) => outcome === "reserved")
    })
    expect((await customer.cancel(system.baseUrl, unwanted!)).status).toBeLessThan(300)
    await system.end("SIGKILL")
    await districts.letGo()
    await start(copy)
    expect(await endOfAll(others)).toEqual([{ end: "completed", done: forward(...fourSteps) }])
    const { end: reason, done } = await end(unwanted!)
    expect(reason).toBe("failed: Order cancelled")
    expect(done.slice(-4)).toEqual(back(...fourSteps.toReversed()))
  })

  it("passes the audit, from the first order to the last", async () => {
    const ends = [...ofOthers]
    for (const id of accepted) ends.push((await end(id)).end)
    const completed = ends.filter((one) => one === "completed").length
    const { code, output } = await runIn(copy, commandOfGuide("npm run audit"), { DATA_DIR })
    const sums = `held by all ${completed}, by none ${ends.length - completed}, in flight 0`
    expect(output).toContain(sums)
    expect(code).toBe(0)
  })
})
