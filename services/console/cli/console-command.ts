/** A command that calls the console: its address, the operator who signs in, and its exit codes. */
import { Console, Effect, Schema } from "effect"
import { command, type CommandLine } from "#shared/command/command.ts"
import {
  type Given,
  type Option,
  type Options,
  type Syntax,
  syntax,
} from "#shared/command/syntax.ts"
import { Misused } from "#shared/command/understand.ts"
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
  says: "the system's address; default: UNWIND_URL, else http://localhost:$PORT (8080 if not set)",
} as const satisfies Option

const ownOptions = {
  url: urlOption,
  json: { type: "boolean", says: "print one JSON value per line" },
} as const

export const reasonOption = {
  type: "string",
  value: "TEXT",
  says: "why (required); the audit trail records it with your name",
} as const satisfies Option

const isReason = Schema.is(OperatorReason)

/** Throws Misused when the reason is missing or invalid. */
export const reasonOf = (given: string | undefined): string => {
  if (given === undefined) throw new Misused('Give a reason, such as --reason "billing is back"')
  if (!isReason(given)) {
    throw new Misused("--reason needs 1 to 500 characters, without line breaks")
  }
  return given
}

/** The console of a system, and the output for its answers. */
export interface Desk {
  readonly api: ConsoleApi
  readonly out: Output
  readonly baseUrl: string
}

/** The syntax of a command, without the options that all commands share. */
export interface ConsoleSyntax<O extends Options, A>
  extends Omit<Syntax<O, A>, "call" | "closing"> {
  readonly name: string
  /** Printed after the options and before the exit codes. */
  readonly closing?: string
}

interface Where {
  readonly url: string | undefined
  readonly json: boolean
}

const exitCodes =
  `Exits with 0 when it is done, 1 when the system refuses it or a person has to act, 2 when the
command line is invalid or the system cannot be reached, and 130 after Ctrl-C. Signs in with
UNWIND_USER and UNWIND_PASSWORD, or with UNWIND_TOKEN. With _FILE after its name, each names a file
that holds it.`

/** `run` returns the exit code; the default is 0. */
export const consoleCommand = <const O extends Options, A>(
  { name, closing, options, read, ...rest }: ConsoleSyntax<O, A>,
  run: (desk: Desk, options: A) => Effect.Effect<number | void, ApiError>,
): CommandLine<{ readonly own: A; readonly where: Where }> => {
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

/**
 * Signs in to the console at `url` (by default, the one in the settings), and runs `run`. Returns
 * the exit code.
 */
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

/** Without a trailing slash, so that a path can follow. */
const addressOf = (url: URL | undefined, environment: typeof Environment["Service"]): string =>
  url === undefined
    ? `http://localhost:${environment["PORT"] || 8080}`
    : `${url.origin}${url.pathname}`.replace(/\/+$/, "")

/** The error in one line, with a remedy. */
const lineOf = ({ message, problem, status }: ApiError): string => {
  if (problem !== undefined && message.includes(problem.detail)) return problem.detail
  if (status !== undefined) return message
  return message.startsWith("No answer from")
    ? `${message}: check that the system runs there, or set another address by UNWIND_URL or --url`
    : message
}

/** 1 when the system refused the request, 2 when it could not be asked. */
const codeOf = ({ status }: ApiError): number =>
  status === undefined || status < 400 || status === 401 || status === 403 || status === 429 ||
    status >= 500
    ? 2
    : 1
