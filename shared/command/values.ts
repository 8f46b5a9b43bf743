/** Parses the values of options. Throws Misused, with an example of a valid value. */
import { Duration, Option } from "effect"
import { Misused } from "./understand.ts"

/** A whole number from `least` to `most`. */
export const wholeOf = (
  option: string,
  given: string,
  { least, most, such }: { readonly least: number; readonly most: number; readonly such: number },
): number => {
  const number = /^\d{1,16}$/.test(given) ? Number(given) : NaN
  if (number >= least && number <= most) return number
  throw new Misused(`${option} needs a whole number from ${least} to ${most}, such as ${such}`)
}

/** A number from `least` to `most`, with or without decimals. */
export const numberOf = (
  option: string,
  given: string,
  { least, most, such }: { readonly least: number; readonly most: number; readonly such: number },
): number => {
  const number = /^\d{1,12}(\.\d+)?$/.test(given) ? Number(given) : NaN
  if (number >= least && number <= most) return number
  throw new Misused(`${option} needs a number from ${least} to ${most}, such as ${such}`)
}

/** One of a few words. */
export const oneOf = <W extends string>(
  option: string,
  given: string,
  words: ReadonlyArray<W>,
): W => {
  const found = words.find((word) => word === given)
  if (found === undefined) throw new Misused(`${option} is one of ${words.join(", ")}`)
  return found
}

/** An http or https URL without trailing slashes, so that paths can be appended. */
export const urlOf = (
  option: string,
  given: string,
  example = "http://localhost:8080",
): string => {
  const url = URL.parse(given)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Misused(`${option} needs a URL such as ${example}`)
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "")
}

/** An instant; a duration means that long ago. */
export const timeOf = (option: string, given: string, nowMs: number): Date => {
  const ago = Duration.fromInput(given as Duration.Input)
  const ms = Option.isSome(ago) ? nowMs - Duration.toMillis(ago.value) : iso(given)
  const time = new Date(ms)
  if (Number.isNaN(time.getTime())) {
    throw new Misused(`${option} is a time such as "2 hours" (ago) or 2026-01-31T12:00Z`)
  }
  return time
}

/** Date.parse alone accepts too much: "2" is a day in 2001. */
const iso = (given: string): number => /^\d{4}-\d\d-\d\d/.test(given) ? Date.parse(given) : NaN
