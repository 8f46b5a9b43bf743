/**
 * Decides who may place an order now. The number of unfinished orders is limited to what can be
 * worked off in reasonable time, and each user's number and rate are limited so that others get a
 * share. The decision is taken before the request's body is read, from what this replica knows. A
 * request that cannot enter waits up to a second for room, users by turns: waiting costs less than
 * a refusal and a retry. A retry with the same key is no new order and is always answered.
 */
import { Cause, Clock, Context, Effect, Layer, Metric } from "effect"
import { firstIdAt } from "#shared/contracts/order.ts"
import type { Problem } from "#shared/http/problem.ts"
import type { Permit } from "#shared/http/route.ts"
import { steadyMs, steadyMsOf } from "#shared/steady-time.ts"
import { fromTheStart } from "#shared/telemetry/from-the-start.ts"
import type { Transient } from "#shared/transient.ts"
import { Changes } from "./changes.ts"
import { type Line, makeLine } from "./line.ts"
import { LookUps } from "./look-ups.ts"
import type { Order } from "./order.ts"
import { OrderStore } from "./order-table.ts"
import { makeRoom, refusalCodes, type RoomOptions } from "./room.ts"

export class Admission extends Context.Service<Admission, {
  /**
   * The permit of a user's request for a new order. `enter` fails with a 429 Problem when the user
   * has too many unfinished orders or places them too fast, and with a 503 Problem when there are
   * too many in all.
   */
  readonly permit: (username: string, idempotencyKey: string | undefined) => Permit
  /** Counts orders that have just been stored. */
  readonly stored: (orders: ReadonlyArray<Order>) => Effect.Effect<void>
}>()("unwind/orders/Admission") {}

/** Long enough for a burst to pass, short enough for an impatient client. */
const longestWaitMs = 1_000

const refusedFor = (code: string) =>
  Metric.counter("orders_refused_total", {
    description: "Orders that were refused, by the code of the problem",
    incremental: true,
    attributes: { code },
  })

/** Cached per code: building a metric key costs more than recording a value. */
const refused = new Map(refusalCodes.map((code) => [code, refusedFor(code)]))

const countRefusal = ({ code }: Problem) => Metric.update(refused.get(code)!, 1)

export const admissionLayer = (
  options: RoomOptions,
): Layer.Layer<Admission, Transient, OrderStore | Changes | LookUps> =>
  Layer.effect(
    Admission,
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const { findByKey } = yield* LookUps
      const changes = yield* Changes
      yield* fromTheStart([unfinished, ...refused.values()])
      const room = makeRoom(options)
      const line = makeLine<Problem>()
      const refusal = (username: string) => room.refusal(username, steadyMsOf(clock))
      yield* changes.onFinal((ids) => {
        if (ids === null) room.missedSome()
        else room.ended(ids)
        line.mayBeRoom()
      })
      yield* countAgain(room, options.most, Effect.sync(line.mayBeRoom))
      yield* letInByTurns(line, (username) => {
        if (room.isFull()) return "nobody"
        return refusal(username) === undefined ? "yes" : "not this user"
      })
      return Admission.of({
        stored: (orders) => Effect.sync(() => room.stored(orders, steadyMsOf(clock))),
        permit: (username, key) => {
          let isInside = false
          const comeIn = () => {
            room.enter(username)
            isInside = true
          }
          const wait = Effect.suspend(() => {
            const sinceMs = steadyMsOf(clock)
            return line.wait({ username, sinceMs, comeIn, tooLate: () => refusal(username) })
          }).pipe(Effect.tapError(countRefusal))
          return {
            enter: Effect.suspend((): Effect.Effect<void, Problem | Transient> => {
              if (refusal(username) === undefined) {
                comeIn()
                return Effect.void
              }
              return key === undefined ? wait : Effect.flatMap(
                findByKey(username, key),
                (before) => before === undefined ? wait : Effect.void,
              )
            }),
            leave: () => {
              if (!isInside) return
              isInside = false
              room.leave(username)
              line.mayBeRoom()
            },
          }
        },
      })
    }),
  )

type Room = ReturnType<typeof makeRoom>

/** How often to look without an event: tokens refill and waits expire by time alone. */
const lookAgainMs = 100

/**
 * Lets in waiting requests when there may be room, and refuses those that have waited too long,
 * until the scope closes.
 */
const letInByTurns = Effect.fnUntraced(function* (
  line: Line<Problem>,
  mayEnter: Parameters<Line<Problem>["letIn"]>[0],
) {
  yield* line.due.pipe(
    // Orders that end in the same turn of the event loop make room together.
    Effect.andThen(Effect.yieldNow),
    Effect.andThen(Effect.sync(() => line.letIn(mayEnter))),
    Effect.forever,
    Effect.forkScoped,
  )
  yield* line.some.pipe(
    Effect.andThen(Effect.sleep(lookAgainMs)),
    Effect.andThen(steadyMs),
    Effect.map((nowMs) => {
      line.sendAway(nowMs - longestWaitMs)
      line.mayBeRoom()
    }),
    Effect.forever,
    Effect.forkScoped,
  )
})

/**
 * How often orders are counted; less often when counting would take more than `part` of the time.
 */
const countEveryMs = { tight: 50, otherwise: 1_000, most: 10_000, part: 0.05 }

const unfinished = Metric.gauge("orders_unfinished", {
  description: "Orders that are not final, counted up to the backlog limit",
  attributes: { unit: "{order}" },
})

/**
 * Counts the unfinished orders of all replicas until the scope closes, more often when room is
 * scarce. Fails with Transient when the first count does.
 */
const countAgain = Effect.fnUntraced(
  function* (room: Room, limit: number, counted: Effect.Effect<unknown>) {
    const { query } = yield* OrderStore
    let sinceMs = yield* Clock.currentTimeMillis
    const count = Effect.gen(function* () {
      const known = room.counting()
      const found = yield* query((orders) => orders.countUnfinished(limit))
      known(found)
      yield* Metric.update(unfinished, found.total)
      yield* counted
    })
    /** Charges users who place many orders for what they placed in other replicas. */
    const compare = Effect.gen(function* () {
      const fast = room.fast(yield* steadyMs)
      const fromMs = sinceMs
      sinceMs = yield* Clock.currentTimeMillis
      const placed = fast.length === 0
        ? new Map<string, number>()
        : yield* query((orders) => orders.countMade(fast, firstIdAt(fromMs)))
      room.placed(placed, yield* steadyMs)
    })
    const both = Effect.andThen(count, compare)
    yield* count
    let tookMs = 0
    yield* Effect.gen(function* () {
      const { tight, otherwise, most, part } = countEveryMs
      const everyMs = room.isTight() ? tight : otherwise
      yield* Effect.sleep(Math.min(Math.max(everyMs, tookMs / part), most))
      const startedMs = yield* steadyMs
      // Not logged: the requests that need the database report that it is unavailable.
      yield* Effect.catch(both, () => Effect.void)
      tookMs = (yield* steadyMs) - startedMs
    }).pipe(
      Effect.catchDefect((defect) =>
        Effect.andThen(
          Effect.logError("The count of the backlog met a defect", Cause.die(defect)),
          Effect.sleep(countEveryMs.otherwise),
        )
      ),
      Effect.forever,
      Effect.forkScoped,
    )
  },
)
