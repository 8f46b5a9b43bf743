/** The report as JUnit XML, which CI systems show. */
import { linkTo } from "./check.ts"
import type { Options, Report, Result } from "./run.ts"

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
}

/**
 * A text, escaped for an attribute or for between tags. What XML 1.0 cannot hold becomes U+FFFD.
 */
export const escaped = (text: string): string =>
  text.toWellFormed()
    // deno-lint-ignore no-control-regex
    .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd")
    .replace(/[&<>"'\t\n\r]/g, (one) => entities[one]!)

const seconds = (ms: number): string => (ms / 1000).toFixed(3)

const caseOf = ({ check, came, saw, tookMs }: Result): string => {
  const open = `    <testcase classname="conformance.${escaped(check.at)}" name="${
    escaped(check.name)
  }" time="${seconds(tookMs)}"`
  if (came === "kept") return `${open}/>`
  const inside = came === "not tried"
    ? `<skipped message="${escaped(saw)}"/>`
    : `<failure message="${escaped(saw)}">${
      escaped(`tried: ${check.tries}\nsaw: ${saw}\nprotocol: ${check.says}\n${linkTo(check)}`)
    }</failure>`
  return `${open}>\n      ${inside}\n    </testcase>`
}

export const junitOf = ({ results }: Report, { url, resource, seed }: Options): string => {
  const count = (came: Result["came"]) => results.filter((result) => result.came === came).length
  const counts = `tests="${results.length}" failures="${count("broken")}" errors="0" skipped="${
    count("not tried")
  }" time="${seconds(results.reduce((sum, { tookMs }) => sum + tookMs, 0))}"`
  const properties = Object.entries({ url, resource, seed: `${seed}` }).map(([name, value]) =>
    `      <property name="${name}" value="${escaped(value)}"/>`
  )
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites name="conformance" ${counts}>`,
    `  <testsuite name="conformance" ${counts}>`,
    "    <properties>",
    ...properties,
    "    </properties>",
    ...results.map(caseOf),
    "  </testsuite>",
    "</testsuites>",
    "",
  ].join("\n")
}
