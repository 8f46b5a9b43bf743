/** Times relative to now, with the exact time on hover. */
import type { ComponentChildren } from "preact"
import { durationWords } from "../../words.ts"
import { now } from "../core/live.ts"

const exactly = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "medium" })

/** The distance of a time from now, in words. */
export const relative = (at: string, nowMs: number): string => {
  const ms = nowMs - Date.parse(at)
  // The clocks of two machines differ slightly.
  if (Math.abs(ms) < 1500) return "just now"
  // Whole seconds, since the page updates once a second.
  const words = durationWords(Math.max(1000, Math.round(Math.abs(ms) / 1000) * 1000))
  return ms > 0 ? `${words} ago` : `in ${words}`
}

/** An instant (ISO 8601). */
export const Time = ({ at }: { readonly at: string }) => (
  <time dateTime={at} title={`${exactly.format(new Date(at))} (${at})`}>
    {relative(at, now.value)}
  </time>
)

/** An instant, or `none` where there is none. */
export const MaybeTime = (
  { at, none }: { readonly at: string | null; readonly none: ComponentChildren },
) => at === null ? <span class="faint">{none}</span> : <Time at={at} />
