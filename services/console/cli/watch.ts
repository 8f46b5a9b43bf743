/** `npm run unwind -- watch`: follows the system, or one order. */
import { Effect, Stream } from "effect"
import { printable } from "#shared/command/printable.ts"
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import type { Overview } from "#shared/contracts/console.ts"
import type { TimelineEntry } from "#shared/contracts/order-state.ts"
import { consoleCommand } from "./console-command.ts"
import { idBeginningOf, orderNamed } from "./order-id.ts"
import { columns, counted, spanOf } from "./output.ts"
import { noteAway, nowOf } from "./show.ts"

export const watch = consoleCommand(
  {
    name: "watch",
    usage: "[ORDER]",
    about:
      `Without an order: prints a line about the system every second, until Ctrl-C. With an order:
prints what happens to it, until it is final. Reconnects when the connection is lost.`,
    options: {},
    words: { least: 0, most: 1, what: "the id of one order" },
    read: (_, [word]) => word === undefined ? undefined : idBeginningOf(word),
  },
  Effect.fnUntraced(function* ({ api, out }, beginning) {
    if (beginning === undefined) {
      let lines = 0
      return yield* Stream.runForEach(api.overviews, (overview) =>
        Effect.gen(function* () {
          if (lines++ % linesOfHeading === 0) yield* out.heading(heading)
          yield* out.data(overview, () => row(overview))
        }))
    }
    const id = yield* orderNamed(api, beginning)
    const news = newsOf()
    let away = ""
    yield* api.orderChanges(id).pipe(
      Stream.takeUntil(isFinal),
      Stream.runForEach((one) =>
        Effect.gen(function* () {
          if (out.json) yield* out.data(one, () => "")
          else for (const line of news(one)) yield* out.data(one, () => line)
          const awayNow = JSON.stringify(one.unavailable)
          if (awayNow !== away) yield* noteAway(one, out)
          away = awayNow
        })
      ),
    )
  }),
)

/** After so many lines the names of the columns are printed again. */
const linesOfHeading = 20

const { heading, row } = columns<Overview>([
  { name: "TIME", width: 8, of: ({ at }) => at.slice(11, 19) },
  { name: "SERVICES", width: 8, of: servicesOf },
  { name: "PLACED/S", width: 8, right: true, of: ({ orders }) => rateOf(orders?.perSecond.placed) },
  {
    name: "DONE/S",
    width: 8,
    right: true,
    of: ({ orders }) => rateOf(orders && orders.perSecond.completed + orders.perSecond.failed),
  },
  { name: "PENDING", width: 7, right: true, of: ({ orders }) => countOf(orders?.pending) },
  { name: "UNDOING", width: 7, right: true, of: ({ orders }) => countOf(orders?.compensating) },
  { name: "STUCK", width: 5, right: true, of: ({ stuck }) => countOf(stuck?.orders) },
  { name: "QUEUE", width: 6, right: true, of: ({ queue }) => countOf(queue?.length) },
  { name: "LAG", width: 6, right: true, of: ({ queue }) => countOf(queue?.lag) },
  { name: "LAG AGE", width: 7, right: true, of: ({ queue }) => queue ? spanOf(queue.lagMs) : "?" },
  { name: "DEAD", width: 5, right: true, of: ({ queue }) => countOf(queue?.deadLetters) },
  { name: "AUDIT", width: 8, of: ({ audit }) => audit?.verdict ?? "?" },
  { name: "UNAVAILABLE", width: 0, of: awayOf },
])

function servicesOf({ services }: Overview): string {
  return `${services.filter(({ state }) => state === "ready").length} of ${services.length}`
}

function awayOf({ services, unavailable }: Overview): string {
  const wrong = services.filter(({ state }) => state !== "ready")
    .map(({ service, state }) => `${service} is ${state}`)
  const silent = unavailable.filter(({ service }) => !wrong.some((one) => one.startsWith(service)))
  return [...wrong, ...silent.map(({ service }) => `${service} did not answer`)].join(", ")
}

const countOf = (count: number | undefined): string => count === undefined ? "?" : counted(count)
const rateOf = (rate: number | null | undefined): string => rate == null ? "?" : rate.toFixed(1)

const isFinal = ({ order }: OneOrder): boolean =>
  order?.status === "completed" || order?.status === "failed"

const entryLine = (entry: TimelineEntry): string => {
  const { action, step, outcome, attempts, durationMs } = entry
  const tries = attempts > 1 ? ` after ${attempts} attempts` : ""
  return `${entry.at}  ${action} ${step}: ${outcome}${tries} (${Math.round(durationMs)} ms)`
}

/** Makes the function that returns the lines that are new since its previous call. */
export const newsOf = () => {
  const told = new Set<string>()
  const before = { state: "", wait: "" }
  return ({ order, saga }: OneOrder): ReadonlyArray<string> => {
    const entries = [...order?.timeline ?? [], ...saga?.timeline ?? []].map(entryLine)
      .filter((line) => !told.has(line))
    for (const line of entries) told.add(line)
    const now = {
      state: order === null ? before.state : stateOf(order),
      // An attempt that has not failed is over before a person reads about it.
      wait: saga === null || saga.cause === null ? "" : nowOf(saga),
    }
    const changed = (["state", "wait"] as const)
      .filter((what) => now[what] !== "" && now[what] !== before[what])
      .map((what) => now[what])
    Object.assign(before, now)
    return [...entries, ...changed].map(printable)
  }
}

const stateOf = ({ id, status, reason }: NonNullable<OneOrder["order"]>): string =>
  `${id} is ${status}${reason === null ? "" : ` (${reason})`}`
