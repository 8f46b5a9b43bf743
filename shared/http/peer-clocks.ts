/**
 * The time by the clocks of other services. Every server dates its answers in whole seconds (RFC
 * 9110, section 6.6.1). Steady time extrapolates from the last answer, so this process's own wall
 * clock does not matter after the first one. Replicas of a service count as one. A clock that is
 * far off is reported: once in the log, and in `/readyz` as long as it is.
 */
import { Clock, Context, Effect } from "effect"
import { steadyMsOf } from "#shared/steady-time.ts"

/**
 * How far the clocks of two services may differ, in either direction, before they refuse each
 * other's tokens: five minutes, as RFC 4120 recommends.
 */
export const toleratedSeconds = 300

/** The difference from which a clock is reported, well before its tokens are refused. */
const namedFromMs = 60_000
/**
 * How long a wrong clock is reported after the last answer that showed it: other replicas may have
 * a right one.
 */
const namedForMs = 60_000

interface Peer {
  /**
   * Its time minus steady time. An answer that disproves it sets it to the lowest possible value.
   */
  offsetMs: number
  /** When the last answer came, by steady time. */
  heardAtMs: number
  /** What is wrong with the clock, and the steady time until which it is reported. */
  wrong: { readonly what: string; readonly untilMs: number } | undefined
}

export interface PeerTime {
  /**
   * Milliseconds since the epoch, by the clock of the other service; by this process's before the
   * first answer.
   */
  readonly nowMs: number
  /** When the last answer came, by steady time. */
  readonly heardAtMs: number
}

export interface PeerClocks {
  /**
   * Records the Date of an answer to a request sent at `sentMs`, in steady time. An answer without
   * a Date, as within one process, stands for this process's clock.
   */
  readonly heard: (peer: string, date: string | null, sentMs: number) => Effect.Effect<void>
  readonly timeOf: (peer: string, clock: Clock.Clock) => PeerTime
  /** The wrong clocks by service, such as "clock of orders is 130 s ahead". */
  readonly wrong: Effect.Effect<ReadonlyMap<string, string>>
}

export const makePeerClocks = (): PeerClocks => {
  const peers = new Map<string, Peer>()

  const heard: PeerClocks["heard"] = (name, date, sentMs) =>
    Effect.clockWith((clock) => {
      const dateMs = Date.parse(date ?? "")
      const nowMs = steadyMsOf(clock)
      const wallOffsetMs = clock.currentTimeMillisUnsafe() - nowMs
      const peer = peers.get(name) ??
        { offsetMs: wallOffsetMs, heardAtMs: nowMs, wrong: undefined }
      peers.set(name, peer)
      peer.heardAtMs = nowMs
      if (Number.isNaN(dateMs)) {
        peer.offsetMs = wallOffsetMs
        return Effect.void
      }
      // The Date was right at some instant between the request and now. An impossible offset
      // becomes the lowest possible one: a deadline is better a second late than early, and further
      // answers refine it.
      const [earliest, latest] = [dateMs - nowMs, dateMs + 1_000 - sentMs]
      if (peer.offsetMs < earliest || peer.offsetMs > latest) peer.offsetMs = earliest
      return judge(name, peer, peer.offsetMs - wallOffsetMs, nowMs)
    })

  return {
    heard,
    timeOf: (name, clock) => {
      const peer = peers.get(name)
      return peer === undefined
        ? { nowMs: clock.currentTimeMillisUnsafe(), heardAtMs: -Infinity }
        : { nowMs: peer.offsetMs + steadyMsOf(clock), heardAtMs: peer.heardAtMs }
    },
    wrong: Effect.clockWith((clock) => {
      const nowMs = steadyMsOf(clock)
      return Effect.succeed(
        new Map(
          [...peers].flatMap(([name, { wrong }]) =>
            wrong !== undefined && nowMs < wrong.untilMs ? [[name, wrong.what]] : []
          ),
        ),
      )
    }),
  }
}

/** Logs when a clock begins to be wrong, and when it is right again. */
const judge = (name: string, peer: Peer, aheadMs: number, nowMs: number): Effect.Effect<void> => {
  const before = peer.wrong
  if (Math.abs(aheadMs) >= namedFromMs) {
    const seconds = Math.round(Math.abs(aheadMs) / 1_000)
    const what = `clock of ${name} is ${seconds} s ${aheadMs > 0 ? "ahead" : "behind"}`
    peer.wrong = { what, untilMs: nowMs + namedForMs }
    return before === undefined
      ? Effect.logWarning(
        `${what}: set both clocks by NTP; from ${toleratedSeconds} s on, tokens are refused`,
      )
      : Effect.void
  }
  if (before === undefined || nowMs < before.untilMs) return Effect.void
  peer.wrong = undefined
  return Effect.logInfo(`clock of ${name} is right again`)
}

/** The clocks of the services that this one calls. */
export const PeerClocks = Context.Reference<PeerClocks>("unwind/http/PeerClocks", {
  defaultValue: makePeerClocks,
})
