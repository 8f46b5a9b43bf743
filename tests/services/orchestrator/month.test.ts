/**
 * Retention, over a month of the whole system: orders each day that end in every way, one that is
 * stuck all the time, and repeated commands and messages of old orders. Day by day, tables stop
 * growing, the books balance and agree with the orders, and no record is forgotten that a late
 * command could still need.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Duration, Effect, Schedule } from "effect"
import { Audit } from "#services/orchestrator/audit/audit.ts"
import { forgetOld } from "#services/orchestrator/retention.ts"
import { firstIdAt, madeAtMs, OrderId } from "#shared/contracts/order.ts"
import { participantNames, stepsInForce } from "#shared/contracts/order-saga.ts"
import type { Command } from "#shared/contracts/reservation.ts"
import { Fetch } from "#shared/http/client.ts"
import { encodeEntry } from "#shared/queue/entry.ts"
import { serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { makeCalendar } from "#tests/support/calendar.ts"
import { atLength } from "#tests/support/length.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { forEachParticipant } from "#tests/support/saga-rows.ts"
import { startAudit, urls } from "./audit/auditing.ts"
import { redisOf, startSystem, type System } from "./running-system.ts"

const days = 31
const ordersADay = atLength(30, 300)
const retention = Duration.days(7)
const lastingDays = 8

interface Placed {
  readonly id: OrderId
  readonly user: string
  readonly amountMinor: number
  readonly item: number
  readonly slot: string
}

const commandsOf = ({ id, user: username, amountMinor, item, slot }: Placed) =>
  forEachParticipant((_, { takes }) => {
    const [resource, quantity] = takes({ username, amountMinor, details: { item, slot } })
    return { orderId: id, resource, quantity }
  })

/** Draws pseudo-random numbers, the same in every run. */
const dice = (seed: number) => (sides: number) => {
  seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
  return Math.floor(seed / 2 ** 32 * sides)
}

const openAccount = ({ sql }: System, name: string, wallet: number) =>
  Effect.promise(() =>
    sql.billing`insert into accounts (username, email, wallet) values (${name}, '', ${wallet})`
  )

/** Waits for the outcome of a day's orders, which may take long on a busy machine. */
const until = (what: string, condition: Effect.Effect<boolean>) =>
  condition.pipe(
    Effect.repeat({ schedule: Schedule.spaced("10 millis"), while: (met) => !met }),
    Effect.timeoutOrElse({
      duration: patienceMs,
      orElse: () => Effect.die(new Error(`Waited too long until ${what}`)),
    }),
  )

/** At each of the three steps, every tenth order is rejected. */
const kindOf = (n: number) => ({
  user: n % 10 === 0 ? "poor" : `rich-${n % 5}`,
  amount: 0.01 * (1 + n % 97),
  item: n % 10 === 1 ? 99 : 1 + n % 7,
  slot: n % 10 === 2 ? "23:30" : `0${n % 6}:00`,
})

const place = (system: System, kind: ReturnType<typeof kindOf>) =>
  Effect.gen(function* () {
    const { user, ...change } = kind
    const { id } = yield* system.order(user, {
      ...change,
      amount: Math.round(change.amount * 100) / 100,
    })
    const placed: Placed = {
      id: OrderId.make(id),
      user,
      amountMinor: Math.round(change.amount * 100),
      item: change.item,
      slot: change.slot,
    }
    return placed
  })

/** The ids of the orders that a participant has on record. */
const recordsOf = ({ sql }: System, name: typeof participantNames[number]) =>
  Effect.promise(async () => {
    const rows = await sql[name]<Array<{ id: OrderId }>>`select order_id as id from reservations`
    return rows.map(({ id }) => id)
  })

/** By resource, what is held and consumed, and what the completed orders took. */
const heldAndOwed = Effect.fnUntraced(function* ({ sql, orders }: System) {
  const all = yield* Effect.promise(() =>
    Promise.all(
      ([["billing", "accounts", "username"], ["items", "items", "id"], [
        "slots",
        "slots",
        "time",
      ]] as const)
        .map(([name, table, key]) =>
          sql[name]<Array<{ resource: string; held: string }>>`
            select ${sql[name](key)} as resource, consumed + coalesce((select sum(quantity)
              from reservations where outcome = 'reserved' and resource = ${
            sql[name](key)
          }), 0) as held
            from ${sql[name](table)} order by 1`
        ),
    )
  )
  const owed = yield* Effect.promise(() =>
    orders.sql<Array<{ resource: string; owed: string }>>`
      select resource, sum(quantity) as owed from orders, lateral (
        values (username, amount), (details->>'item', 1), (details->>'slot', 1)) held (resource, quantity)
      where status = 'completed' group by resource order by 1`
  )
  const held = all.flat().filter(({ held }) => held !== "0")
  return {
    held: Object.fromEntries(held.map(({ resource, held }) => [resource, Number(held)])),
    owed: Object.fromEntries(owed.map(({ resource, owed }) => [resource, Number(owed)])),
  }
})

const month = Effect.gen(function* () {
  const calendar = yield* makeCalendar
  const then = Effect.provideService(Clock.Clock, calendar.clock)
  const draw = dice(7)
  const system = yield* startSystem({
    RETENTION: "7 days",
    ITEM_STOCK: "1000000",
    SLOT_CAPACITY: "1000000",
    REPUBLISH_AFTER: "1 minute",
    CALL_TIMEOUT: "5 seconds",
  }).pipe(then)
  for (let n = 0; n < 5; n++) yield* openAccount(system, `rich-${n}`, 1_000_000_000)
  yield* openAccount(system, "poor", 0)
  yield* openAccount(system, "unlucky", 5_000)
  // The unlucky user's money cannot be given back.
  system.conduct.billing = async (answer, request) => {
    const isCancel = /"action":"cancel","resource":"unlucky"/.test(await request.clone().text())
    return isCancel ? new Response("down", { status: 503 }) : await answer()
  }
  const first = yield* system.orchestrate().pipe(then)
  const auditing = yield* startAudit(system)
  const redis = yield* redisOf(system)
  const signer = serviceSignerLayer("orchestrator", system.orders.environment.SERVICE_PRIVATE_KEY!)
  const forget = forgetOld({ urls, retention, deadline: Duration.minutes(2) }).pipe(
    Effect.provideService(Audit, auditing.audit),
    Effect.provideService(Fetch, system.fetch),
    Effect.provide(signer),
    then,
  )
  const unfinished = Effect.promise(async () =>
    (await system.orders.sql`select from orders where publish_at is not null`).length
  )
  const stuck = yield* place(system, { user: "unlucky", amount: 20, item: 1, slot: "23:30" })
  const placed = [stuck]
  const send = (name: typeof participantNames[number], commands: ReadonlyArray<Command>) =>
    auditing.records.apply(name, commands).pipe(Effect.provideService(Fetch, system.fetch), then)
  const late = Effect.gen(function* () {
    for (let n = 0; n < 60; n++) {
      const order = placed[1 + draw(placed.length - 1)]!
      const [row] = yield* Effect.promise(() =>
        system.orders.sql<[{ status: string; createdAt: Date }]>`
          select status, created_at as "createdAt" from orders where id = ${order.id}`
      )
      const name = participantNames[draw(participantNames.length)]!
      const command = commandsOf(order)[name]
      yield* send(name, [{ ...command, action: "reserve" }, { ...command, action: "reserve" }])
      // Nobody ever cancels a completed order.
      if (row.status === "failed") {
        yield* send(name, [{ ...command, action: "cancel" }, { ...command, action: "reserve" }])
      }
      const { id: orderId, user: username, amountMinor, item, slot } = order
      const message = {
        orderId,
        username,
        amountMinor,
        details: { item, slot },
        steps: stepsInForce,
        createdAtMs: row.createdAt.getTime(),
        republished: 0,
      }
      if (n % 3 === 0) yield* redis.add(encodeEntry(message))
    }
  })
  return { system, calendar, then, first, auditing, forget, unfinished, stuck, placed, late, redis }
})

describe("a month of orders", () => {
  it.live(
    "leaves tables that stopped growing, books that balance, and all needed records",
    () =>
      Effect.gen(function* () {
        const world = yield* month
        const { system, calendar, then, auditing, forget, placed, stuck } = world
        const seen = forEachParticipant(() => new Set<string>())
        const sizes: Array<number> = []
        for (let day = 0; day < days; day++) {
          const kinds = Array.from({ length: ordersADay }, (_, n) => kindOf(day * ordersADay + n))
          placed.push(
            ...yield* Effect.forEach(kinds, (kind) => place(system, kind), { concurrency: 50 }),
          )
          yield* until("the day's orders are final", Effect.map(world.unfinished, (n) => n === 1))
          yield* world.late
          yield* until("all messages are taken", Effect.map(world.redis.waiting, (n) => n <= 1))
          for (const name of participantNames) {
            for (const id of yield* recordsOf(system, name)) seen[name].add(id)
          }

          calendar.pass("1 day")
          const spared = yield* forget
          const since = firstIdAt(calendar.nowMs() - Duration.toMillis(Duration.days(lastingDays)))
          const young = placed.filter(({ id }) => id >= since).length
          assert.strictEqual(spared, day + 1 < lastingDays ? 0 : 1, `day ${day}`)
          let size = 0
          for (const name of participantNames) {
            const left = yield* recordsOf(system, name)
            assert.isAtMost(left.length, young + 1, `${name} on day ${day}`)
            const needed = [...seen[name]].filter((id) => id >= since || id === stuck.id)
            assert.includeMembers(left, needed as never, `${name} on day ${day}`)
            size += left.length
          }
          sizes.push(size)
          const { held, owed } = yield* heldAndOwed(system)
          assert.deepStrictEqual(held, { ...owed, unlucky: 2_000 }, `day ${day}`)
          const { findings } = yield* then(auditing.everything)
          assert.deepStrictEqual(findings.map(({ kind, orderId }) => [kind, orderId]), [
            ["stuck", stuck.id],
          ], `day ${day}`)
        }
        const flat = sizes.slice(lastingDays)
        assert.isAtMost(Math.max(...flat) - Math.min(...flat), 0.05 * Math.max(...flat))
        assert.isBelow(madeAtMs(stuck.id), calendar.nowMs() - Duration.toMillis("30 days"))

        // The order that was stuck for a month is undone at last, and forgotten.
        yield* world.first.stop
        system.conduct.billing = (answer) => answer()
        yield* then(system.orchestrate())
        yield* until("nothing is unfinished", Effect.map(world.unfinished, (n) => n === 0))
        const [wallet] = yield* system.left("unlucky")
        assert.strictEqual(wallet, 5_000)
        assert.strictEqual(yield* forget, 0)
        for (const name of participantNames) {
          assert.notInclude(yield* recordsOf(system, name), stuck.id)
        }
        assert.deepStrictEqual((yield* then(auditing.everything)).findings, [])
      }),
  )
})
