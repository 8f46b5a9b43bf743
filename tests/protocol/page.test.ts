/**
 * People who never see the sources implement docs/protocol.md: everything that it says in numbers,
 * tables and examples must be true.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect, Schema } from "effect"
import { existsSync, globSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { maxImbalanced, maxPage } from "#shared/contracts/audit.ts"
import { firstIdAt, madeAtMs, OrderId } from "#shared/contracts/order.ts"
import { type Command, maxBatch, Quantity, Resource } from "#shared/contracts/reservation.ts"
import { maxForgotten, maxSpared } from "#shared/contracts/retention.ts"
import { Fetch, postBatch } from "#shared/http/client.ts"
import { maxAnswerBytes } from "#shared/http/node-fetch.ts"
import { tableMigration } from "#shared/reservations/resource-migrations.ts"
import { applyCommands, forgettableBefore, type Reservation } from "#shared/reservations/rules.ts"
import { startParticipant } from "#tests/shared/reservations/running-participant.ts"
import { makeCalendar } from "#tests/support/calendar.ts"
import { anchorOf, headingsIn, tableIn } from "#tests/support/markdown.ts"

const root = join(import.meta.dirname, "../..")
const read = (file: string) => readFileSync(join(root, file), "utf8")
const page = read("docs/protocol.md")
const anchors = headingsIn(page).slice(1).map(anchorOf)

describe("docs/protocol.md", () => {
  it("has the paragraphs that other pages link to, in this order", () => {
    assert.deepStrictEqual(anchors, [
      "in-short",
      "the-request",
      "the-answer",
      "the-table",
      "one-transaction",
      "tombstones",
      "ageing",
      "batches",
      "isolation",
      "authentication",
      "errors",
      "sizes",
      "audit",
      "retention",
      "health",
      "operators",
      "versions",
      "why-the-unknown-outcome-is-the-hard-case",
    ])
  })

  it("links only to files and paragraphs that exist", () => {
    for (const [, path, anchor] of page.matchAll(/\]\(([^)#:]*)(?:#([^)]*))?\)/g)) {
      if (path !== "") assert.isTrue(existsSync(join(root, "docs", path!)), path)
      else assert.include(anchors, anchor)
    }
  })

  it("has every paragraph that sources and pages name", () => {
    const files = globSync("{README.md,{docs,services,shared,compose,tests}/**/*.{ts,tsx,md,py}}", {
      cwd: root,
    })
    const named = files.flatMap((file) =>
      [...read(file).matchAll(/protocol\.md#([\w-]+)/g)].map(([, anchor]) => anchor!)
    )
    assert.isAbove(named.length, 5)
    assert.deepStrictEqual([...new Set(named)].filter((anchor) => !anchors.includes(anchor)), [])
    // The orchestrator names the paragraph about answers that break the protocol.
    const [, paragraphs = ""] = /type Paragraph = (.*)/.exec(
      read("services/orchestrator/answers.ts"),
    )!
    for (const [, anchor] of paragraphs.matchAll(/"([\w-]+)"/g)) assert.include(anchors, anchor)
  })
})

const orderId = OrderId.make("019c1347-d280-7000-8000-000000000001")
const madeMs = Date.UTC(2026, 0, 31, 9)
const retentionMs = 30 * 86_400_000
const numberIn = ([, digits]: RegExpMatchArray) => Number(digits)
const codes = (cell: string) => [...cell.matchAll(/`([a-z]+)`/g)].map(([, code]) => code!)

/**
 * The result of a command when `known` is on record and this much is left; how old the order is.
 */
const applied = (
  action: string,
  { known, quantity = 3, left = 100, ageMs = 0 }: {
    readonly known?: string | undefined
    readonly quantity?: number
    readonly left?: number | undefined
    readonly ageMs?: number
  },
) => {
  const command = { orderId, action, resource: "1", quantity } as Command
  const record = { orderId, outcome: known, resource: "1", quantity: 3 } as Reservation
  const { outcomes, recorded, givenBack, changes } = applyCommands(
    [command],
    new Map(known === undefined ? [] : [[orderId, record]]),
    new Map(left === undefined ? [] : [["1", left]]),
    { nowMs: madeMs + ageMs, retentionMs },
  )
  return {
    answer: outcomes[0]!.outcome as string,
    then: [...recorded, ...givenBack][0]?.outcome as string | undefined ?? known,
    change: changes.get("1") ?? 0,
  }
}

describe("its table", () => {
  const rows = tableIn(page, "Row")

  it("has a row for every record and every action", () => {
    assert.deepStrictEqual(rows.map(([name]) => name), [
      "`absent-reserve`",
      "`absent-cancel`",
      "`reserved-reserve`",
      "`reserved-reserve-other`",
      "`reserved-cancel`",
      "`rejected-reserve`",
      "`rejected-cancel`",
      "`cancelled-reserve`",
      "`cancelled-cancel`",
    ])
  })

  it.each(rows)(
    "says of %s what participants answer and write",
    (_name, on, command, answer, then, balance) => {
      const known = on === "nothing" ? undefined : codes(on!)[0]
      const [action = ""] = codes(command!)
      const quantity = command!.includes("another") ? 4 : 3
      // Enough, not enough, and no such resource.
      const ends = [100, 2, undefined].map((left) => applied(action, { known, quantity, left }))
      assert.sameMembers([...new Set(ends.map(({ answer }) => answer))], codes(answer!))
      for (const end of ends) {
        assert.strictEqual(end.then, then === "what was answered" ? end.answer : codes(then!)[0])
      }
      const most = ends[0]!.change
      const expected: Readonly<Record<string, number>> = {
        "as it was": 0,
        "- quantity, or as it was": -3,
        "+ quantity on record": 3,
      }
      assert.strictEqual(most, expected[balance!])
    },
  )
})

describe("its paragraph on age", () => {
  it("takes the time from the order's id", () => {
    const [, id = "", ms, iso = ""] =
      /`([0-9a-f-]{36})` was made at (\d+),\s+which\s+is ([\dT:.Z-]+)\./.exec(page)!
    assert.strictEqual(madeAtMs(id), Number(ms))
    assert.strictEqual(new Date(Number(ms)).toISOString(), iso)
  })

  it("is right to the millisecond", () => {
    const hours = [
      ...new Set([...page.matchAll(/`RETENTION` (?:and|less) (\d+) hours/g)].map(numberIn)),
    ]
    assert.deepStrictEqual(hours, [12, 24])
    const [margin = 0, forgetting = 0] = hours.map((hours) => hours * 3_600_000)
    const wrote = (action: string, ageMs: number) => applied(action, { ageMs }).then
    assert.strictEqual(wrote("reserve", retentionMs), "reserved")
    assert.deepStrictEqual(
      applied("reserve", { ageMs: retentionMs + 1 }),
      { answer: "cancelled", then: undefined, change: 0 },
    )
    assert.strictEqual(wrote("cancel", retentionMs + margin), "cancelled")
    assert.deepStrictEqual(
      applied("cancel", { ageMs: retentionMs + margin + 1 }),
      { answer: "cancelled", then: undefined, change: 0 },
    )
    assert.strictEqual(forgettableBefore(madeMs, retentionMs), madeMs - retentionMs - forgetting)
    assert.match(firstIdAt(madeMs), /^[0-9a-f]{8}-[0-9a-f]{4}-0000-0000-0{12}$/)
    assert.include(page, "`TTTTTTTT-TTTT-0000-0000-000000000000`")
  })

  it("names the setting and its default", () => {
    assert.include(read(".env.example"), "#RETENTION=30 days")
    assert.include(page, "in all services: 30 days, or another time of at least 1 day.")
  })
})

const written = (n: number) => n.toLocaleString("en-US")

describe("its sizes", () => {
  const bounds = new Map(tableIn(page, "What").map(([what, bound]) => [what!, bound!]))

  it("are the limits that are checked", () => {
    const expected: Readonly<Record<string, string>> = {
      "commands in a request": `1 to ${written(maxBatch)}`,
      "body of `POST /internal/reservations`": `up to ${written(1024 * 1024)} bytes`,
      "body of `POST /internal/forget`, `POST /internal/records`": `up to ${
        written(64 * 1024)
      } bytes`,
      "`resource`": "1 to 150 characters, in UTF-16 code units; no NUL, no half of a surrogate " +
        "pair, no U+FFFD",
      "`quantity`": `1 to ${written(Number.MAX_SAFE_INTEGER)}`,
      "balance": `0 to ${written(Number.MAX_SAFE_INTEGER)}`,
      "records in a page of the audit": `up to ${written(maxPage)}`,
      "resources that `GET /internal/books` names": `up to ${maxImbalanced}`,
      "records that one `POST /internal/forget` forgets": `up to ${
        written(maxForgotten)
      }, and those that are not spared any more`,
      "orders in `except`": `up to ${written(maxSpared)}`,
      "an answer": `up to ${written(maxAnswerBytes)} bytes`,
      "time for an answer": "5 seconds; 20 seconds for the audit, healing and forgetting",
    }
    assert.deepStrictEqual(Object.fromEntries(bounds), expected)
    const isResource = Schema.is(Resource)
    for (const good of ["x", "x".repeat(150), "\u{1F4E6}".repeat(75)]) {
      assert.isTrue(isResource(good))
    }
    const wrong = ["", "x".repeat(151), "\u{1F4E6}".repeat(76), "\0", "\uD800", "\uFFFD"]
    for (const bad of wrong) assert.isFalse(isResource(bad))
    assert.deepStrictEqual(
      [0, 1, Number.MAX_SAFE_INTEGER, 2 ** 53, 1.5].map(Schema.is(Quantity)),
      [false, true, true, false, false],
    )
    const { text } = tableMigration({ table: "districts", key: "district", balance: "capacity" })
    assert.include(text, `between 0 and ${Number.MAX_SAFE_INTEGER}`)
    assert.include(read(".env.example"), "#CALL_TIMEOUT=5 seconds")
    for (const file of ["audit/records.ts", "retention.ts"]) {
      assert.include(read(`services/orchestrator/${file}`), "const timeoutMs = 20_000")
    }
  })

  it.live("are the sizes of bodies that participants accept", () =>
    Effect.gen(function* () {
      const { call, token } = yield* startParticipant("items")
      const good = yield* token("orchestrator")
      for (const [path, most] of [["reservations", 1024 * 1024], ["forget", 64 * 1024]] as const) {
        const status = (bytes: number) =>
          Effect.map(
            call(`/internal/${path}`, { token: good, body: `"${"x".repeat(bytes - 2)}"` }),
            ({ status }) => status,
          )
        assert.deepStrictEqual([yield* status(most), yield* status(most + 1)], [400, 413])
      }
    }))
})

describe("its paragraph on errors", () => {
  const rows = tableIn(page, "It gets")

  it.effect("says what callers conclude from each status", () =>
    Effect.gen(function* () {
      const endOf = (status: number) => {
        const callee = { name: "items", url: new URL("http://items"), timeoutMs: 1_000 }
        return postBatch(callee, "/", {}).pipe(
          Effect.provideService(Fetch, () => Promise.resolve(new Response("{}", { status }))),
          Effect.match({
            onSuccess: () => "the outcomes",
            onFailure: ({ _tag }) => _tag.toLowerCase(),
          }),
        )
      }
      const statuses: Readonly<Record<string, ReadonlyArray<number>>> = {
        "2xx and the right [answer](#the-answer)": [200, 201],
        "no connection, 408, 429, 3xx, 5xx other than 500": [
          301,
          302,
          307,
          408,
          429,
          501,
          503,
          599,
        ],
        "500": [500],
        "401, 403, 404": [401, 403, 404],
        "400 and any other 4xx": [400, 402, 405, 409, 413, 415, 422, 499],
      }
      let seen = 0
      for (const [gets = "", taken] of rows) {
        for (const status of statuses[gets] ?? []) {
          assert.strictEqual(yield* endOf(status), taken, `${status}`)
          seen++
        }
      }
      assert.strictEqual(seen, Object.values(statuses).flat().length)
    }))
})

describe("its tokens", () => {
  it.live("are accepted and refused as the page says, at both ends of each bound", () =>
    Effect.gen(function* () {
      const longest = Number(/by at most (\d+) seconds/.exec(page)![1])
      const tolerated = Number(/earlier than `exp` \+ (\d+) seconds/.exec(page)![1])
      const { call, token } = yield* startParticipant("items")
      const statusOf = (issuedAt: number, expires: number) =>
        Effect.gen(function* () {
          const given = yield* token("orchestrator", { issuedAt, expires })
          return (yield* call("/internal/books", { token: given })).status
        })
      // This much time may pass during the test.
      const late = 60
      assert.strictEqual(yield* statusOf(0, longest), 200)
      assert.strictEqual(yield* statusOf(0, longest + 1), 401)
      assert.strictEqual(yield* statusOf(0, 0), 401)
      assert.strictEqual(yield* statusOf(tolerated, tolerated + longest), 200)
      assert.strictEqual(yield* statusOf(tolerated + late, tolerated + late + longest), 401)
      assert.strictEqual(yield* statusOf(-tolerated, longest - tolerated), 200)
      assert.strictEqual(yield* statusOf(-tolerated - longest, -tolerated), 401)
    }))
})

/** The requests of the page in order, each with the answer below it. */
const exchanges = () => {
  const blocks = [...page.matchAll(/^```http\n(.*?)^```$/gms)].map(([, block]) => block!)
  const bodyOf = (block: string) => block.split("\n\n")[1] ?? ""
  return Array.from({ length: blocks.length / 2 }, (_, n) => {
    const [asked = "", answered = ""] = blocks.slice(2 * n)
    const [, method = "", path = ""] = /^(\w+) (\S+) HTTP\/1\.1\n/.exec(asked)!
    assert.isTrue(answered.startsWith("HTTP/1.1 200 OK\nContent-Type: application/json\n\n"))
    return { method, path, body: bodyOf(asked), answer: JSON.parse(bodyOf(answered)) }
  })
}

describe("its examples", () => {
  it.live("are what a participant answers to them in turn", () =>
    Effect.gen(function* () {
      const calendar = yield* makeCalendar
      calendar.pass(madeMs + 1_000 - calendar.nowMs())
      const atThatTime = Effect.provideService(Clock.Clock, calendar.clock)
      const running = yield* atThatTime(startParticipant("items"))
      let { app } = running
      const all = exchanges()
      assert.deepStrictEqual(all.map(({ method, path }) => `${method} ${path.split("?")[0]}`), [
        "POST /internal/reservations",
        "GET /internal/reservations",
        "GET /internal/books",
        "POST /internal/forget",
        "GET /internal/forgotten",
        "GET /readyz",
      ])
      for (const { method, path, body, answer } of all) {
        if (path === "/internal/forget") {
          calendar.pass("32 days")
          app = yield* atThatTime(running.replica())
        }
        const issuedAt = Math.round((calendar.nowMs() - Date.now()) / 1_000)
        const token = yield* running.token("orchestrator", { issuedAt, expires: issuedAt + 30 })
        const given = yield* Effect.promise(async () => {
          const response = await app.request(path, {
            method,
            headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
            ...(body !== "" && { body }),
          })
          return await response.text()
        })
        const at = /"recordedAt":\s*"[^"]*"/g
        assert.deepStrictEqual(
          JSON.parse(given.replaceAll(at, '"recordedAt":""')),
          JSON.parse(JSON.stringify(answer).replaceAll(at, '"recordedAt":""')),
          path,
        )
      }
    }))
})
