/**
 * The output of a run: a line for each check as it ends, more lines when a rule is broken, and a
 * summary; or all of it as JSON.
 */
import { printable } from "#shared/command/printable.ts"
import { linkTo } from "./check.ts"
import type { Options, Report, Result } from "./run.ts"

const signs = { kept: "ok", broken: "FAIL", "not tried": "-" } as const

/** A result in one line, and in five when the rule is broken. */
export const linesOf = ({ check, came, saw, tookMs }: Result): string => {
  const took = came === "not tried" ? "" : ` (${(tookMs / 1000).toFixed(1)} s)`
  const line = `${signs[came].padEnd(4)}  ${check.name.padEnd(22)}  `
  if (came === "not tried") return `${line}not tried: ${printable(saw)}`
  if (came === "kept") return `${line}${printable(saw)}${took}`
  return [
    `${line}does not hold${took}`,
    `      tried     ${check.tries}`,
    `      saw       ${printable(saw)}`,
    `      protocol  ${check.says}`,
    `                ${linkTo(check)}`,
  ].join("\n")
}

const count = ({ results }: Report, came: Result["came"]): number =>
  results.filter((result) => result.came === came).length

/** 1 when rules are broken, 2 when too little could be tried to tell, otherwise 0. */
export const exitCode = (report: Report): number => {
  if (count(report, "broken") > 0) return 1
  return report.stopped !== undefined || report.held.length > 0 || count(report, "kept") === 0
    ? 2
    : 0
}

export const summaryOf = (report: Report, { resource, seed }: Options): string => {
  const { before, after, held, askedAgain, stopped } = report
  const [kept, broken, left] = (["kept", "broken", "not tried"] as const).map((came) =>
    count(report, came)
  )
  const names = report.results.filter(({ came }) => came === "broken").map(({ check }) =>
    check.name
  )
  return [
    `${kept} kept, ${broken} broken, ${left} not tried (--seed ${seed})`,
    ...(names.length > 0 ? [`Broken: ${names.join(", ")}`] : []),
    ...(stopped === undefined ? [] : [`Not all was tried: ${printable(stopped)}`]),
    ...(before === undefined
      ? []
      : [`Available of ${printable(resource)}: ${before} before, ${after ?? "unknown"} after`]),
    ...(askedAgain === 0 ? [] : [`Asked again ${askedAgain} times, because it was busy or away`]),
    ...(held.length === 0 ? ["All that was reserved was cancelled"] : [
      `Possibly NOT given back; cancel these orders: ${held.slice(0, 20).join(", ")}${
        held.length > 20 ? ` and ${held.length - 20} more` : ""
      }`,
    ]),
  ].join("\n")
}

/** The whole report, as one value. The exit code is null when a signal decides it. */
export const jsonOf = (
  report: Report,
  { url, resource, key, seed }: Options,
  code: number | null,
) => ({
  url,
  resource,
  participant: key?.name ?? null,
  seed,
  exitCode: code,
  kept: count(report, "kept"),
  broken: count(report, "broken"),
  notTried: count(report, "not tried"),
  stopped: report.stopped ?? null,
  available: { before: report.before ?? null, after: report.after ?? null },
  notGivenBack: report.held,
  askedAgain: report.askedAgain,
  checks: report.results.map(({ check, came, saw, tookMs }) => ({
    name: check.name,
    result: came,
    tried: check.tries,
    saw,
    protocol: check.says,
    link: linkTo(check),
    seconds: Math.round(tookMs) / 1000,
  })),
})
