/**
 * What time it is by the clocks of other services. Every server dates its answers (RFC 9110, section 6.6.1), in whole seconds;
 * steady time carries on what an answer said, so this process's own wall clock is not asked once there was one. Replicas of
 * a service count as one. A clock that is far off is named: in the log once, and in `/readyz` while it is.
 */
import { Clock, Context, Effect } from "effect"
import { steadyMsOf } from "#shared/steady-time.ts"

/**
 * How far the clocks of two services may be apart for each to take the other's tokens: what RFC 4120 recommends, five minutes.
 * It is the same in both directions.
 */
export const toleratedSeconds = 300

/** From so much on it is named: a clock that runs away is known of before it is refused. */
const namedFromMs = 60_000
/** It is named until so long after the last answer that showed it: other replicas may have another clock. */
const namedForMs = 60_000

interface Peer {
  /** Its time less steady time: never more than that is, once an answer has disproved what it was before. */
  offsetMs: number
  /** When the last answer came, by steady time. */
  heardAtMs: number
  /** What is wrong with it, and by steady time until when that is said. */
  wrong: { readonly what: string; readonly untilMs: number } | undefined
}

export interface PeerTime {
  /** Milliseconds since the epoch, by the clock of the other service; by this one's before the first answer. */
  readonly nowMs: number
  /** When the last answer came, by steady time. */
  readonly heardAtMs: number
}

export interface PeerClocks {
  /**
   * Takes note of the Date of an answer to a request that was sent at `sentMs`, by steady time. Who answers without one, as
   * within one process, has this process's clock.
   */
  readonly heard: (peer: string, date: string | null, sentMs: number) => Effect.Effect<void>
  readonly timeOf: (peer: string, clock: Clock.Clock) => PeerTime
  /** What is wrong with the clocks of others, such as "clock of orders is 130 s ahead", by their names. */
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
      // It was that second, some time between the request and now. What cannot be is corrected to the earliest that can: a
      // deadline is rather a second late than early, and further answers bring it nearer.
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

/** Says what is wrong when it begins, and when it is over. */
const judge = (name: string, peer: Peer, aheadMs: number, nowMs: number): Effect.Effect<void> => {
  const before = peer.wrong
  if (Math.abs(aheadMs) >= namedFromMs) {
    const seconds = Math.round(Math.abs(aheadMs) / 1_000)
    const what = `clock of ${name} is ${seconds} s ${aheadMs > 0 ? "ahead" : "behind"}`
    peer.wrong = { what, untilMs: nowMs + namedForMs }
    return before === undefined
      ? Effect.logWarning(
        `${what}: set both by NTP; from ${toleratedSeconds} s on they are refused`,
      )
      : Effect.void
  }
  if (before === undefined || nowMs < before.untilMs) return Effect.void
  peer.wrong = undefined
  return Effect.logInfo(`clock of ${name} is right again`)
}

/** Those of the services that this one calls. */
export const PeerClocks = Context.Reference<PeerClocks>("unwind/http/PeerClocks", {
  defaultValue: makePeerClocks,
})
