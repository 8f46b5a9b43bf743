/**
 * What a refresh token may still do, and how long its session lasts, as pure functions. Each use of
 * the current token makes the next generation and retires the token. For a few seconds the previous
 * one still gives the same successor, since the answer may have been lost. A later use means that
 * the token was stolen, so the whole session ends.
 */

export interface Session {
  readonly generation: number
  readonly rotatedAtMs: number
  readonly expiresAtMs: number
}

/** The lifetimes of a session and its tokens, in milliseconds. */
export interface Lifetimes {
  readonly accessMs: number
  /** Of a session that is not refreshed. */
  readonly idleMs: number
  /** Of any session, however often it is refreshed. */
  readonly longestMs: number
}

const graceMs = 10_000
/**
 * How far the clock of another replica may be ahead: a clock that was set back must not make a
 * grace of an hour.
 */
export const skewMs = 60_000

export type RefreshTokenState = "current" | "justReplaced" | "reused" | "ended"

/** The standing of a token of this generation; an undefined session is gone. */
export const standingOf = (
  session: Session | undefined,
  generation: number,
  nowMs: number,
): RefreshTokenState => {
  if (session === undefined || nowMs >= session.expiresAtMs) return "ended"
  if (generation === session.generation) return "current"
  const sinceMs = nowMs - session.rotatedAtMs
  const justReplaced = generation === session.generation - 1 &&
    sinceMs >= -skewMs && sinceMs <= graceMs
  return justReplaced ? "justReplaced" : "reused"
}

/** When a session that is used now, and not again, expires. */
export const expiryOf = (
  createdAtMs: number,
  nowMs: number,
  { idleMs, longestMs }: Omit<Lifetimes, "accessMs">,
): number => Math.min(nowMs + idleMs, createdAtMs + longestMs)

/**
 * When the last access token of a generation that begins now expires: its refresh may be repeated.
 */
export const tokensUntil = (nowMs: number, { accessMs }: Pick<Lifetimes, "accessMs">): number =>
  nowMs + graceMs + accessMs
