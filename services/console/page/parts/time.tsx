/** Times and durations: relative, as people say them, with the exact ones behind. */
import type { ComponentChildren } from "preact"
import { durationWords } from "../../words.ts"
import { now } from "../core/live.ts"

const exactly = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" })

/** How far a time is from now, in words. */
export const relative = (at: string, nowMs: number): string => {
  const ms = nowMs - Date.parse(at)
  // Clocks of two machines are never quite the same.
  if (Math.abs(ms) < 1500) return "just now"
  // No more exactly than it is looked at.
  const words = durationWords(Math.max(1000, Math.round(Math.abs(ms) / 1000) * 1000))
  return ms > 0 ? `${words} ago` : `in ${words}`
}

/** A point in time (ISO 8601); the absolute one on hover. */
export const Time = ({ at }: { readonly at: string }) => (
  <time dateTime={at} title={`${exactly.format(new Date(at))} (${at})`}>
    {relative(at, now.value)}
  </time>
)

/** The same, or what there is to say where there is none. */
export const MaybeTime = (
  { at, none }: { readonly at: string | null; readonly none: ComponentChildren },
) => at === null ? <span class="faint">{none}</span> : <Time at={at} />
