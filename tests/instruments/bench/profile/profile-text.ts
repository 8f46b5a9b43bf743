/** Profiles as text: where the time of each process went, in microseconds per order. */
import { type CpuProfile, selfTimes } from "./self-times.ts"

const shown = 25
const nameWidth = 38
const placeWidth = 58

const cell = (text: string, width: number) =>
  (text.length > width ? `…${text.slice(1 - width)}` : text).padEnd(width)

/** A block of lines for each process, the busiest first. */
export const profileText = (
  profiles: ReadonlyMap<string, CpuProfile>,
  orders: number,
): string =>
  [...profiles].map(([name, profile]) => ({ name, ...selfTimes(profile) }))
    .sort((a, b) => b.busyMicros - a.busyMicros)
    .map(({ name, busyMicros, idleMicros, gcMicros, functions }) => {
      const percent = (micros: number) => `${(100 * micros / Math.max(1, busyMicros)).toFixed(1)} %`
      const perOrder = (micros: number) => (micros / orders).toFixed(2)
      const idle = 100 * idleMicros / Math.max(1, idleMicros + busyMicros)
      return [
        `${name}: ${perOrder(busyMicros)} us an order, GC ${percent(gcMicros)} of it; ` +
        `idle ${idle.toFixed(0)} % of the time`,
        ...functions.slice(0, shown).map((one) =>
          `  ${cell(one.name, nameWidth)} ${cell(one.place, placeWidth)} ` +
          `${percent(one.micros).padStart(7)} ${perOrder(one.micros).padStart(7)}`
        ),
      ].join("\n")
    }).join("\n\n")
