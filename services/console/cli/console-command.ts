/** A command that asks the console: where it is, who the operator is, and what its exit code says. */
import { Console, Effect, Schema } from "effect"
import { type Command, command } from "#shared/command/command.ts"
import {
  type Given,
  Misused,
  type Option,
  type Options,
  type Syntax,
  syntax,
} from "#shared/command/syntax.ts"
import { urlOf } from "#shared/command/values.ts"
import { Environment, readSettings } from "#shared/config/settings.ts"
import { OperatorReason } from "#shared/contracts/text.ts"
import { type ConsoleApi, consoleApi } from "./console-api.ts"
import type { ApiError } from "./http.ts"
import { type Output, outputOf } from "./output.ts"
import { unwindSettings } from "./settings.ts"
import { signIn } from "./sign-in.ts"

export const urlOption = {
  type: "string",
  value: "URL",
  says: "the system; without it UNWIND_URL, or http://localhost:$PORT (PORT is 8080 where not set)",
} as const satisfies Option

const ownOptions = {
  url: urlOption,
  json: { type: "boolean", says: "one JSON per line" },
} as const

export const reasonOption = {
  type: "string",
  value: "TEXT",
  says: "why, in your own words (needed): it stands in the audit trail with your name",
} as const satisfies Option

const isReason = Schema.is(OperatorReason)

/** Throws Misused where there is none, or none that can be kept. */
export const reasonOf = (given: string | undefined): string => {
  if (given === undefined) throw new Misused('Say why, such as --reason "billing is back"')
  if (!isReason(given)) {
    throw new Misused("--reason needs 1 to 500 characters, without line breaks")
  }
  return given
}

/** The console of a system, and where what it tells is printed. */
export interface Desk {
  readonly api: ConsoleApi
  readonly out: Output
  readonly baseUrl: string
}

/** What a command of the console adds to the options that all have. */
export interface ConsoleSyntax<O extends Options, A>
  extends Omit<Syntax<O, A>, "call" | "closing"> {
  readonly name: string
  /** What it says behind its options; besides its exit codes. */
  readonly closing?: string
}

interface Where {
  readonly url: string | undefined
  readonly json: boolean
}

const exitCodes =
  `Exits with 0 when it is done, with 1 when the system refuses it or a person has to look, with 2
when it is not understood or cannot be asked, and with 130 after Ctrl-C. Signs in by UNWIND_USER and
UNWIND_PASSWORD, or UNWIND_TOKEN; with _FILE behind its name, each names a file that holds it.`

/** `run` gives the exit code, which is 0 where it gives none. */
export const consoleCommand = <const O extends Options, A>(
  { name, closing, options, read, ...rest }: ConsoleSyntax<O, A>,
  run: (desk: Desk, options: A) => Effect.Effect<number | void, ApiError>,
): Command<{ readonly own: A; readonly where: Where }> => {
  const whole = syntax({
    ...rest,
    call: `npm run unwind -- ${name}`,
    options: { ...options, ...ownOptions } as O & typeof ownOptions,
    closing: [...(closing === undefined ? [] : [closing]), exitCodes].join("\n\n"),
    read: (given, words) => {
      const { url, json = false } = given as Given<typeof ownOptions>
      const where = { url: url === undefined ? undefined : urlOf("--url", url), json }
      return { own: read(given as Given<O>, words), where }
    },
  })
  const program = ({ own, where }: { readonly own: A; readonly where: Where }) =>
    atConsole(where.url, where.json, (desk) => run(desk, own))
  return command(whole, program, { failure: { code: 2 } })
}

/** Does something at the console of a system, the one of the settings where none is given; gives the exit code. */
export const atConsole = (
  url: string | undefined,
  json: boolean,
  run: (desk: Desk) => Effect.Effect<number | void, ApiError>,
) =>
  Effect.gen(function* () {
    const settings = yield* readSettings(unwindSettings)
    const baseUrl = url ?? addressOf(settings.UNWIND_URL, yield* Environment)
    const api = consoleApi(baseUrl, yield* signIn(baseUrl, settings))
    return yield* run({ api, baseUrl, out: outputOf(json) })
  }).pipe(
    Effect.scoped,
    Effect.catchTag("ApiError", (error) => Effect.as(Console.error(lineOf(error)), codeOf(error))),
  )

/** Without a trailing slash, so that paths can be put behind it. */
const addressOf = (url: URL | undefined, environment: typeof Environment["Service"]): string =>
  url === undefined
    ? `http://localhost:${environment["PORT"] || 8080}`
    : `${url.origin}${url.pathname}`.replace(/\/+$/, "")

/** One line, with what can be done. */
const lineOf = ({ message, problem, status }: ApiError): string => {
  if (problem !== undefined && message.includes(problem.detail)) return problem.detail
  if (status !== undefined) return message
  return message.startsWith("Nothing answers")
    ? `${message}: see that it runs, or name another by UNWIND_URL or --url`
    : message
}

/** Whether it was answered with no (1), or could not be asked (2). */
const codeOf = ({ status }: ApiError): number =>
  status === undefined || status < 400 || status === 401 || status === 403 || status === 429 ||
    status >= 500
    ? 2
    : 1
