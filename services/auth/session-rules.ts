/**
 * What a refresh token may still do, and how long its session lasts, as pure functions. Each use of the current token makes
 * the next generation and retires it; for a few seconds the one before still gives the same successor, since the answer may
 * have been lost on the way. After that, only a thief or the robbed would show it: the whole session ends.
 */

export interface Session {
  readonly generation: number
  readonly rotatedAtMs: number
  readonly expiresAtMs: number
}

/** How long what belongs to a session lasts, in milliseconds. */
export interface Lifetimes {
  readonly accessMs: number
  /** Of a session that is not refreshed. */
  readonly idleMs: number
  /** Of any session, however often it is refreshed. */
  readonly longestMs: number
}

const graceMs = 10_000
/** How much later than now another replica's clock may say that it was: a clock that was set back makes no grace of an hour. */
export const skewMs = 60_000

export type Standing = "current" | "justReplaced" | "reused" | "ended"

/** How a token of the given generation stands in its session; undefined is a session that is gone. */
export const standingOf = (
  session: Session | undefined,
  generation: number,
  nowMs: number,
): Standing => {
  if (session === undefined || nowMs >= session.expiresAtMs) return "ended"
  if (generation === session.generation) return "current"
  const sinceMs = nowMs - session.rotatedAtMs
  const justReplaced = generation === session.generation - 1 &&
    sinceMs >= -skewMs && sinceMs <= graceMs
  return justReplaced ? "justReplaced" : "reused"
}

/** When a session ends that is used now, and never after. */
export const expiryOf = (
  createdAtMs: number,
  nowMs: number,
  { idleMs, longestMs }: Omit<Lifetimes, "accessMs">,
): number => Math.min(nowMs + idleMs, createdAtMs + longestMs)

/** When the last access token expires that is given for a generation which begins now: its refresh may be asked for again. */
export const tokensUntil = (nowMs: number, { accessMs }: Pick<Lifetimes, "accessMs">): number =>
  nowMs + graceMs + accessMs
