/**
 * The cost of a hundred orders, counted and not timed, so that it is the same on every machine:
 * requests between services, SQL statements, commits and Redis commands. Orders of one take are a
 * wave, and a wave shares each of these. If they arrive one by one, the bounds allow for up to
 * `splits` batches, but not for anything that is done once per order.
 */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { Effect, Exit, Scope } from "effect"
import { type CountedServices, startCountedServices, type Work } from "./counted-services.ts"
import { hundred, newCustomer, openAccounts, sendAtOnce, workOff } from "./hundred-orders.ts"

const splits = 5
/** For any number of batches. In addition, Redis is asked for new orders every five seconds. */
const lessThanOneEach = hundred / 2

const scope = Scope.makeUnsafe()
let services: CountedServices
beforeAll(async () => {
  const room = { BACKLOG_LIMIT: `${hundred}`, ITEM_STOCK: "1000", SLOT_CAPACITY: "1000" }
  services = await Effect.runPromise(Scope.provide(startCountedServices(room), scope))
  await openAccounts(services)
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const reservations = "POST /internal/reservations"
const decisions = "orders: POST /internal/decisions"

/** Exactly these numbers, by name. */
const assertCounts = (counts: ReadonlyMap<string, number>, wanted: Record<string, number>) =>
  assert.deepStrictEqual(
    Object.fromEntries(Object.keys(wanted).map((name) => [name, counts.get(name) ?? 0])),
    wanted,
  )

/** Between one and these numbers, by name. */
const assertWithin = (counts: ReadonlyMap<string, number>, most: Record<string, number>) => {
  for (const [name, bound] of Object.entries(most)) {
    const count = counts.get(name) ?? 0
    assert.isTrue(count >= 1 && count <= bound, `${name}: ${count} times, not 1 to ${bound}`)
  }
}

/**
 * A request to a participant is one transaction with a fixed number of statements, however many
 * orders it has.
 */
const assertParticipants = ({ requests, statements, commits }: Work, each: number) => {
  for (const name of ["billing", "items", "slots"] as const) {
    const asked = requests.get(`${name}: ${reservations}`)!
    assert.isAtMost(statements[name].length, asked * each, statements[name].join("\n"))
    assert.isAtMost(commits[name], asked, name)
  }
}

/**
 * A request to the register is one transaction: begin, lock and change the orders, notify, commit.
 */
const assertRegister = (requests: Work["requests"], sent: ReadonlyArray<string>) =>
  assert.isAtMost(sent.length, requests.get(decisions)! * 5, sent.join("\n"))

describe("A hundred orders", () => {
  it("that complete cost one request to each participant and one decision", async () => {
    const work = await services.workOf(async () => {
      const ends = await workOff(services, (n) => `0${n % 10}:00`)
      assert.deepStrictEqual(ends, [{ status: "completed", reason: null, count: hundred }])
    })
    const { requests, statements, commits, commands, reads } = work
    assert.hasAllKeys(requests, [
      ...["billing", "items", "slots"].map((name) => `${name}: ${reservations}`),
      decisions,
    ])
    assertCounts(requests, Object.fromEntries([...requests.keys()].map((name) => [name, 1])))
    // begin, lock the reservations, lock the balances, insert reservations, change balances,
    // commit.
    assertParticipants(work, 6)
    assertRegister(requests, statements.orders)
    assert.isAtMost(commits.orders, requests.get(decisions)!)
    assert.deepStrictEqual(statements.auth, [])
    // Apart from the test's own XADDs: one command each deletes and acknowledges a hundred entries.
    assertWithin(commands, { xreadgroup: lessThanOneEach })
    assertCounts(commands, { xdel: 1, xack: 1 })
    // One to wait for more, one to settle; and those of the test itself, which publishes the orders
    // and sends INFO.
    assert.isAtMost(reads, lessThanOneEach)
  })

  it("that are undone cost two requests to each participant, and two decisions", async () => {
    const work = await services.workOf(async () => {
      const reason = "Can not get the delivery slot"
      const ends = await workOff(services, () => "23:00")
      assert.deepStrictEqual(ends, [{ status: "failed", reason, count: hundred }])
    })
    const { requests, statements, commits, commands, reads } = work
    // Reserved, and cancelled; the slot is refused, so there is nothing to cancel there; aborted,
    // and settled.
    assertCounts(requests, {
      [`billing: ${reservations}`]: 2,
      [`items: ${reservations}`]: 2,
      [`slots: ${reservations}`]: 1,
      [decisions]: 2,
    })
    assertParticipants(work, 6)
    assertRegister(requests, statements.orders)
    assert.isAtMost(commits.orders, requests.get(decisions)!)
    assertWithin(commands, { xreadgroup: lessThanOneEach })
    assertCounts(commands, { xdel: 1, xack: 1 })
    assert.isAtMost(reads, lessThanOneEach)
  })

  it("that arrive at the same time are stored and published together", async () => {
    const token = await newCustomer(services)
    let answers: ReadonlyArray<number> = []
    const work = await services.workOf(async () => {
      answers = await sendAtOnce(services, token)
    })
    assert.deepStrictEqual(answers, [503, ...Array(hundred).fill(201)])
    const { requests, statements, commits, commands, reads } = work
    // One batch may be out before the others gather as the second.
    const inserts = statements.orders.filter((text) => /^\s*insert into orders/.test(text))
    assert.isAtMost(inserts.length, splits)
    assertRegister(requests, statements.orders.filter((text) => !inserts.includes(text)))
    assert.isAtMost(commits.orders, inserts.length + requests.get(decisions)!)
    // The tokens of a hundred requests are checked without a request to auth for each.
    assert.isAtMost(requests.get("auth: GET /internal/jwks.json") ?? 0, 1)
    assert.isAtLeast(commands.get("xadd")!, hundred)
    // One command publishes the orders of a batch. The usual two batches may be split further.
    assertWithin(commands, { eval: splits })
    const pieces = 2 * splits
    assert.isAtMost(reads, lessThanOneEach)
    assertWithin(requests, {
      ...Object.fromEntries(
        ["billing", "items", "slots"].map((name) => [`${name}: ${reservations}`, pieces]),
      ),
      [decisions]: pieces,
    })
    assertParticipants(work, 6)
  })
})
