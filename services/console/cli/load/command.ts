/**
 * `npm run unwind -- load`: places orders at a steady rate for some minutes, then audits
 * everything.
 */
import { Console, Effect, Fiber, Schedule } from "effect"
import { Misused } from "#shared/command/understand.ts"
import { numberOf } from "#shared/command/values.ts"
import { codeOfHealing, printHealing } from "../audit/verdict.ts"
import { customersFor, mostPerSecond, Tally } from "../../load.ts"
import { consoleCommand } from "../console-command.ts"
import { type Customer, newCustomer } from "./customers.ts"
import { lineOf } from "./line.ts"
import { placeOne } from "./orders.ts"

/** A system with more in flight does not keep up; further orders would only wait. */
const mostInFlight = 5_000

export const load = consoleCommand(
  {
    name: "load",
    usage: "--rate R --minutes M",
    about:
      `Places orders at a steady rate, as new customers (load-...), which remain afterwards. Of ten
orders, seven can be completed; one each is refused for its money, item and slot. They use up stock
like all orders: where it runs out, more end with "no item". Shows the rate, orders in flight, the
latency to the final state, and how orders ended. Then audits everything, and heals nothing. Ctrl-C
stops it and prints the totals.`,
    options: {
      rate: {
        type: "string",
        value: "R",
        says: `orders per second, 0.1 to ${mostPerSecond} (required)`,
      },
      minutes: { type: "string", value: "M", says: "how long, 0.05 to 1440 (required)" },
    },
    closing: "Exits with 1 when the audit finds something, or when an order got no answer.",
    read: ({ rate, minutes }) => {
      if (rate === undefined || minutes === undefined) {
        throw new Misused("--rate and --minutes are required, such as --rate 20 --minutes 1")
      }
      return {
        rate: numberOf("--rate", rate, { least: 0.1, most: mostPerSecond, such: 20 }),
        minutes: numberOf("--minutes", minutes, { least: 0.05, most: 1_440, such: 1 }),
      }
    },
  },
  Effect.fnUntraced(function* ({ api, baseUrl, out }, { rate, minutes }) {
    // Fails before anything is placed when the user is not an operator, who alone may audit.
    yield* api.me
    const count = Math.round(rate * minutes * 60)
    const customers = yield* Effect.forEach(
      Array.from({ length: customersFor(count, rate) }),
      () => newCustomer(baseUrl),
      { concurrency: 4 },
    )
    const tally = new Tally()
    const printSums = Effect.suspend(() => {
      const sums = tally.sums()
      return out.data(sums, () => lineOf(sums))
    })
    yield* placeAll({ baseUrl, customers, tally, rate, count }).pipe(
      Effect.raceFirst(showLive(tally)),
      Effect.onInterrupt(() => Effect.andThen(clearLine, printSums)),
    )
    yield* clearLine
    yield* printSums
    const { firstTrouble, ends } = tally.sums()
    if (firstTrouble !== null) {
      yield* out.note(`The first order with an unintended end: ${firstTrouble}`)
    }
    const audited = yield* api.heal({ reason: "after a load: only counted", dryRun: true })
    yield* printHealing(audited, out)
    const code = codeOfHealing(audited)
    return code === 0 && ends["no answer"] > 0 ? 1 : code
  }),
)

interface Load {
  readonly baseUrl: string
  readonly customers: ReadonlyArray<Customer>
  readonly tally: Tally
  readonly rate: number
  readonly count: number
}

/** Starts each order when it is due, whether earlier ones have ended or not, and waits for all. */
const placeAll = ({ baseUrl, customers, tally, rate, count }: Load) =>
  Effect.scoped(Effect.gen(function* () {
    const startedAtMs = performance.now()
    const placing = new Set<Fiber.Fiber<void>>()
    for (let n = 0; n < count; n++) {
      const earlyMs = startedAtMs + (n / rate) * 1000 - performance.now()
      if (earlyMs > 1) yield* Effect.sleep(earlyMs)
      while (tally.inFlight >= mostInFlight) yield* Effect.sleep("50 millis")
      const fiber = yield* Effect.forkScoped(
        placeOne(baseUrl, customers[n % customers.length]!, tally, n),
      )
      placing.add(fiber)
      fiber.addObserver(() => placing.delete(fiber))
    }
    yield* Fiber.awaitAll([...placing])
  }))

const { stderr } = process

const clearLine = Effect.sync(() => {
  if (stderr.isTTY) stderr.write("\r\x1b[K")
})

/** On a terminal, updates one line every second; otherwise prints a line every ten seconds. */
const showLive = (tally: Tally) =>
  Effect.suspend(() => {
    const line = lineOf(tally.recent())
    if (!stderr.isTTY) return Console.error(line)
    return Effect.sync(() => void stderr.write(`\r\x1b[K${line.slice(0, stderr.columns - 1)}`))
  }).pipe(
    Effect.delay(stderr.isTTY ? "1 second" : "10 seconds"),
    Effect.repeat(Schedule.forever),
  )
