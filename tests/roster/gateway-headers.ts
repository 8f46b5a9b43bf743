/**
 * The headers that the gateway of Compose sets: what it tells the services about a client, and
 * those of the problems that it answers itself. nginx inherits a directive such as proxy_set_header
 * only if a location has none of its kind: one more there removes all the others.
 */
import { type Directive, directives, parseNginx } from "./nginx.ts"
import { differences } from "./held.ts"

/**
 * Headers about the client, set by the gateway: with the client's own claims of its address, the
 * log-in throttle could be bypassed.
 */
const toServices = [
  "Connection ",
  "X-Forwarded-For $remote_addr",
  "X-Forwarded-Proto $scheme",
  "X-Request-Id $quoted_id",
]

/** Headers of all answers; over plain HTTP the second is empty, and not sent. */
const besideAll = [
  "X-Content-Type-Options nosniff always",
  "Strict-Transport-Security $strict_transport always",
]

/** Headers of the answers with these statuses. */
const besideProblem = (status: number): ReadonlyArray<string> => [
  "Cache-Control no-store always",
  ...besideAll,
  "X-Request-Id $quoted_id always",
  ...([429, 503].includes(status) ? ["Retry-After 1 always"] : []),
]

const inherited = (name: string, around: ReadonlyArray<Directive>): ReadonlyArray<string> => {
  const nearest = around.findLast(({ block }) => block.some((one) => one.name === name))
  return nearest?.block.filter((one) => one.name === name).map(({ words }) => words.join(" ")) ?? []
}

const placeOf = (around: ReadonlyArray<Directive>) =>
  around.filter(({ name }) => name === "location").map(({ words }) => words.at(-1)!).at(-1)

const wrongProblem = (
  { words: [code = "", text = ""] }: Directive,
  around: ReadonlyArray<Directive>,
): ReadonlyArray<string> => {
  const what = `the location ${placeOf(around)}`
  const status = Number(code)
  const problem = JSON.parse(text) as Readonly<Record<string, unknown>>
  return [
    ...differences(what, besideProblem(status), inherited("add_header", around)),
    ...differences(what, ["application/problem+json"], inherited("default_type", around)),
    ...differences(
      what,
      [`status ${status}`, `type /docs/problems#${problem["code"]}`],
      [`status ${problem["status"]}`, `type ${problem["type"]}`],
    ),
  ]
}

/** What the configuration lacks or has too much, a line for each. */
export const wrongHeaders = (conf: string): ReadonlyArray<string> => {
  const all = parseNginx(conf)
  const passes = directives(all, "proxy_pass")
  const returns = directives(all, "return")
  const problems = returns.filter(({ around }) => placeOf(around)?.startsWith("/problems/"))
  const pages = directives(all, "error_page").map(({ it }) => it.words.at(-1)!)
  return [
    ...(passes.length > 0 ? [] : ["there is no proxy_pass"]),
    ...passes.flatMap(({ around }) =>
      differences(
        `the location ${placeOf(around)}`,
        toServices,
        inherited("proxy_set_header", around),
      )
    ),
    ...passes.flatMap(({ around }) =>
      differences(`the location ${placeOf(around)}`, besideAll, inherited("add_header", around))
    ),
    ...problems.flatMap(({ it, around }) => wrongProblem(it, around)),
    ...differences(
      "error_page",
      problems.map(({ around }) => placeOf(around)!),
      [...new Set(pages)],
    ),
    ...differences(
      "server_tokens",
      ["off"],
      directives(all, "server_tokens").map(({ it }) => it.words[0]!),
    ),
  ]
}
