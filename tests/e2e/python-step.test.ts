/**
 * A fourth step in another language: the participant in Python beside `npm start`, in a copy of the
 * sources with a row of the roster, a row of the saga and a field of the order for it, and nothing
 * else.
 */
import { randomUUID } from "node:crypto"
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, describe, expect, it } from "vitest"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { auditFrom } from "#tests/services/console/cli/audit/audit-process.ts"
import { type Customer, inParallel, newCustomer, until } from "#tests/support/customer.ts"
import { runEmbedded, startEmbedded } from "#tests/support/embedded-process.ts"
import { freePort } from "#tests/support/free-port.ts"
import { atLength } from "#tests/support/length.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { createDatabase } from "#tests/support/postgres.ts"
import { pythonParticipant, whyNoPython } from "#tests/support/python-participant.ts"
import { indented } from "./add-a-step.ts"
import { blocksIn } from "./documented-commands.ts"
import { madeHere, whyNoFourthStep } from "./fourth-step.ts"

const root = join(import.meta.dirname, "../..")

/** The row in `docs/examples/README.md`. */
const [rosterRow = ""] = Object.values(blocksIn("docs/examples/README.md", "ts")).flat()

/** Each text goes before the given one. */
const edits: ReadonlyArray<readonly [file: string, before: string, text: string]> = [
  [
    "shared/roster.ts",
    "  orchestrator: {",
    `${indented(rosterRow, "  ").join("\n")}\n`,
  ],
  [
    "shared/contracts/order-saga.ts",
    "] as const satisfies ReadonlyArray<Step>",
    `  {
    step: "courier",
    at: "courier",
    takes: ({ details }) => [details.district ?? "1", 1],
    refusal: "No courier is free",
    scarce: true,
  },
`,
  ],
  [
    "shared/contracts/order.ts",
    "slot: SlotTime",
    "district: Schema.optionalKey(Schema.NonEmptyString.check(Schema.isMaxLength(50))), ",
  ],
]

const cleanups: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

const temporaryFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-python-step-"))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 20 }))
  return folder
}

const copyWithCourier = (): string => {
  const folder = temporaryFolder()
  for (const name of ["package.json", "deno.json", "services", "shared", "compose"]) {
    cpSync(join(root, name), join(folder, name), { recursive: true })
  }
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"), "junction")
  for (const [file, before, text] of edits) {
    const source = readFileSync(join(folder, file), "utf8")
    expect(source.split(before), `${before} of ${file}`).toHaveLength(2)
    writeFileSync(join(folder, file), source.replace(before, () => text + before))
  }
  return folder
}

const stepsOf = ({ timeline }: Awaited<ReturnType<Customer["order"]>>) =>
  timeline.map(({ action, step, outcome }) => `${action} ${step}: ${outcome}`)

describe.skipIf(whyNoPython ?? whyNoFourthStep)(
  madeHere(
    `a fourth step in Python${whyNoPython === undefined ? "" : ` (skipped: ${whyNoPython})`}`,
  ),
  () => {
    it("is reserved, refused and undone like the others, and loses nothing when it is killed", async () => {
      const folder = copyWithCourier()
      const DATA_DIR = join(temporaryFolder(), "data")
      const nowhere = await runEmbedded({ DATA_DIR, PORT: "0" }, folder)
      expect(nowhere.output).toMatch(
        /^One setting is missing or invalid.*\n +COURIER_URL is missing: set it to the address of courier, .*; or make services\/courier, .*\n$/,
      )
      expect(nowhere.code).toBe(1)

      const database = await createDatabase("courier")
      cleanups.push(database.drop)
      const keysFolder = join(DATA_DIR, "secrets")
      await generateServiceKeys(keysFolder)
      const courier = pythonParticipant(await freePort(), {
        databaseUrl: database.url,
        publicKeys: keyFiles(keysFolder).publicKeys,
        more: { COURIER_CAPACITY: "1000" },
      })
      cleanups.push(() => courier.end("SIGKILL"))
      await courier.start()
      const plenty = { ITEM_STOCK: "1000", SLOT_CAPACITY: "1000" }
      const settings = { DATA_DIR, QUEUE_URL: "memory:", COURIER_URL: courier.url, ...plenty }
      const system = await startEmbedded(settings, folder)
      cleanups.push(() => system.end("SIGTERM"))
      const customer = await newCustomer(() => system.baseUrl)
      const place = async (district: string) => {
        const wish = { amount: 0.01, item: 1, slot: "09:00", district }
        return (await customer.tryToPlace(wish, randomUUID()))!
      }
      const order = (id: string) => customer.order(system.baseUrl, id)
      const isFinal = async (id: string) =>
        ["completed", "failed"].includes((await order(id)).status)
      const final = async (id: string) => {
        await until("the order is final", patienceMs, () => isFinal(id))
        return await order(id)
      }

      const forward = ["money", "item", "slot"].map((step) => `reserve ${step}: reserved`)
      const completed = await final(await place("7"))
      expect(completed.status).toBe("completed")
      expect(stepsOf(completed)).toEqual([...forward, "reserve courier: reserved"])
      const refused = await final(await place("moon"))
      expect([refused.status, refused.reason]).toEqual(["failed", "No courier is free"])
      expect(stepsOf(refused)).toEqual([
        ...forward,
        "reserve courier: rejected",
        ...["slot", "item", "money"].map((step) => `cancel ${step}: cancelled`),
      ])

      const count = atLength(60, 300)
      const ids: Array<string> = []
      const placing = inParallel(count, 20, async (n) => {
        ids.push(await place(n % 10 === 0 ? "moon" : String(1 + n % 10)))
      })
      for (let kills = 1; kills <= 3; kills++) {
        await until(
          "more orders have come",
          patienceMs,
          () => Promise.resolve(ids.length >= count / 4 * kills),
        )
        await courier.end("SIGKILL")
        const ready = await fetch(`${system.internalUrl}/readyz`)
        expect([ready.status, await ready.text()]).toEqual([
          503,
          // A connection that was open until now breaks first.
          expect.stringMatching(
            /courier (?:cannot be reached \(ECONNREFUSED|broke \(ECONNRESET)\)/,
          ),
        ])
        await courier.start()
      }
      await placing
      for (const id of ids) {
        const { status, details } = await final(id)
        const { district } = details as { readonly district?: string }
        expect(status).toBe(district === "moon" ? "failed" : "completed")
      }

      const whole = count + 2
      const undone = count / 10 + 1
      const audit = await auditFrom(folder, "node", { DATA_DIR })
      expect(audit.output).toContain(`held by all ${whole - undone}, by none ${undone}`)
      expect(audit.output).toMatch(/Findings +none/)
      expect([audit.code, audit.errors]).toEqual([0, ""])
    })
  },
)
