/**
 * Suppresses repeated warnings and errors: a service that is away fails every request that needs
 * it, and a log that repeats itself hides other events and fills disks. The first of equal entries
 * is logged at once, and one more line reports when they have stopped.
 */
import { Cause, Clock, Effect, Logger, References, type Scope } from "effect"

type LogEntry = Logger.Options<unknown>

const tickSeconds = 10
/**
 * A minute: retries wait up to half of that, so an entry that has not come back for so long is
 * over.
 */
const quietTicks = 6
/** With more different entries than this at once, the others are logged as they come. */
const mostEpisodes = 1_000

interface Episode {
  readonly first: LogEntry
  times: number
  timesAtLastTick: number
  ticks: number
  quiet: number
}

const partsOf = ({ message }: LogEntry): ReadonlyArray<unknown> =>
  Array.isArray(message) ? message : [message]

/** The identity of an entry: its content without the request's id. */
const saying = (entry: LogEntry): string => {
  const { logLevel, cause, fiber } = entry
  const isFields = (part: unknown) => typeof part === "object"
  const parts = partsOf(entry)
  const annotations = fiber.getRef(References.CurrentLogAnnotations)
  const { requestId: _, ...fields } = Object.assign({}, annotations, ...parts.filter(isFields))
  const why = cause.reasons.length === 0 ? "" : String(Cause.squash(cause))
  return JSON.stringify([logLevel, parts.filter((part) => !isFields(part)), fields, why])
}

/**
 * Makes the logger that passes entries to the given ones without repetitions, while the scope is
 * open.
 */
export const saidOnce = (
  loggers: ReadonlySet<Logger.Logger<unknown, unknown>>,
): Effect.Effect<Logger.Logger<unknown, void>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const log = (entry: LogEntry) => loggers.forEach((logger) => logger.log(entry))
    const episodes = new Map<string, Episode>()
    const tick = Effect.gen(function* () {
      const date = new Date(yield* Clock.currentTimeMillis)
      for (const [what, episode] of episodes) {
        episode.ticks++
        episode.quiet = episode.times === episode.timesAtLastTick ? episode.quiet + 1 : 0
        episode.timesAtLastTick = episode.times
        if (episode.quiet < quietTicks) continue
        episodes.delete(what)
        if (episode.times > 1) log(end(episode, date))
      }
    })
    yield* tick.pipe(Effect.delay(`${tickSeconds} seconds`), Effect.forever, Effect.forkScoped)
    return Logger.make((entry) => {
      if (entry.logLevel !== "Warn" && entry.logLevel !== "Error") return log(entry)
      const what = saying(entry)
      const episode = episodes.get(what)
      if (episode !== undefined) return void episode.times++
      if (episodes.size < mostEpisodes) {
        episodes.set(what, { first: entry, times: 1, timesAtLastTick: 0, ticks: 0, quiet: 0 })
      }
      log(entry)
    })
  })

/** The first entry again, with the number of repetitions and their duration. */
const end = ({ first, times, ticks, quiet }: Episode, date: Date): LogEntry => {
  const [what, ...rest] = partsOf(first)
  const seconds = (ticks - quiet) * tickSeconds
  const message = `Occurred ${times} times in ${seconds} s, then not for a minute: ${what}`
  return { ...first, cause: Cause.empty, date, message: [message, ...rest] }
}
