/**
 * Settings come from the environment only. A service names its variables in one record of schemas.
 * All variables that are missing or wrong are reported at once, each with its remedy, before
 * anything is started. NAME_FILE may name a file that holds the value of NAME, such as a mounted
 * secret.
 */
import { readFileSync } from "node:fs"
import { Context, Duration, Effect, Option, Schema, SchemaGetter } from "effect"

/**
 * The environment that settings are read from: the process's own, unless the embedded run or a test
 * gives another.
 */
export const Environment = Context.Reference<Variables>(
  "unwind/config/Environment",
  { defaultValue: () => process.env },
)

/** Some settings are missing or wrong; the message has a line for each, with the remedy. */
export class SettingsError extends Schema.TaggedError<SettingsError>()("SettingsError", {
  message: Schema.String,
}) {}

/**
 * A setting is a schema that decodes text. It is required unless it has a default or is optional.
 */
export interface Setting<A> {
  readonly schema: Schema.Codec<A, string>
  readonly expects: string
  readonly default?: string
  readonly optional?: true
  /** Why this value is in conflict with the rest of the environment, if it is. */
  readonly conflict?: (value: string, environment: Variables) => string | undefined
}

type Variables = Readonly<Record<string, string | undefined>>

/** What the settings of a record decode to. */
export type Values<R extends Record<string, Setting<unknown>>> = {
  readonly [K in keyof R]: R[K] extends Setting<infer A> ? A : never
}

/** Reads the named variables. Fails with SettingsError, which lists every missing or wrong one. */
export const readSettings = <const R extends Record<string, Setting<unknown>>>(
  settings: R,
): Effect.Effect<Values<R>, SettingsError> =>
  Effect.gen(function* () {
    const environment = yield* Environment
    const problems: Array<string> = []
    const values: Record<string, unknown> = {}
    for (const [name, setting] of Object.entries(settings)) {
      const found = valueOf(environment, name)
      if (found instanceof Error) {
        problems.push(`${name}_FILE is wrong (${found.message}): set it to a file that can be read`)
        continue
      }
      const given = found ?? setting.default
      if (given === undefined && setting.optional) continue
      if (given === undefined) {
        problems.push(`${name} is missing: set it to ${setting.expects}`)
        continue
      }
      const conflict = setting.conflict?.(given, environment)
      if (conflict !== undefined) {
        problems.push(`${name} is wrong: ${conflict}`)
        continue
      }
      const decoded = Schema.decodeUnknownOption(setting.schema)(given)
      if (Option.isSome(decoded)) values[name] = decoded.value
      else problems.push(`${name} is wrong: set it to ${setting.expects}`)
    }
    if (problems.length > 0) {
      const title = problems.length === 1
        ? "One setting is missing or invalid"
        : `${problems.length} settings are missing or invalid`
      return yield* new SettingsError({
        message: `${title} (see .env.example):\n  ${problems.join("\n  ")}`,
      })
    }
    return values as Values<R>
  })

const withDefault = (value: string | undefined) => value === undefined ? {} : { default: value }

/** An empty variable counts as not set: Compose and shells write it so. */
const valueOf = (
  environment: Variables,
  name: string,
): string | undefined | Error => {
  const value = environment[name]?.trim()
  const file = environment[`${name}_FILE`]?.trim()
  if (value || !file) return value || undefined
  try {
    return readFileSync(file, "utf8").trim() || undefined
  } catch (error) {
    return error as Error
  }
}

/** A text that is not empty. */
export const text = (expects: string, fallback?: string): Setting<string> => ({
  schema: Schema.NonEmptyString,
  expects,
  ...withDefault(fallback),
})

/** A whole number within bounds, both included. */
export const whole = (
  expects: string,
  bounds: { readonly minimum: number; readonly maximum: number },
  fallback?: number,
): Setting<number> => ({
  schema: Schema.NumberFromString.check(Schema.isInt(), Schema.isBetween(bounds)),
  expects: `${expects}, a whole number from ${bounds.minimum} to ${bounds.maximum}`,
  ...withDefault(fallback?.toString()),
})

/** A setting that may be left out. */
export const optional = <A>(setting: Setting<A>): Setting<A | undefined> => ({
  ...setting as Setting<A | undefined>,
  optional: true,
})

/** One of a few words. */
export const oneOf = <const L extends ReadonlyArray<string>>(
  expects: string,
  words: L,
  fallback: L[number],
): Setting<L[number]> => ({
  schema: Schema.Literals(words),
  expects: `${expects}: ${words.join(", ")}`,
  default: fallback,
})

/** A TCP port; 0 lets the system choose a free one. */
export const port = (expects: string, fallback: number): Setting<number> =>
  whole(expects, { minimum: 0, maximum: 65_535 }, fallback)

const durationThat = (
  fits: (time: Duration.Duration) => boolean,
  expects: string,
  fallback: string,
): Setting<Duration.Duration> => ({
  schema: Schema.String.pipe(
    Schema.decodeTo(Schema.Duration, {
      decode: SchemaGetter.transformOptional(
        Option.flatMap((words: string) =>
          Option.filter(
            Duration.fromInput(words as Duration.Input),
            (time) => fits(time) && Duration.isFinite(time),
          )
        ),
      ),
      encode: SchemaGetter.transform(Duration.format),
    }),
  ),
  expects: `${expects}, in words such as "2 minutes" or "500 millis"`,
  default: fallback,
})

/** A duration in words, such as "2 minutes" or "500 millis": above zero, and finite. */
export const duration = (expects: string, fallback: string): Setting<Duration.Duration> =>
  durationThat(Duration.isPositive, expects, fallback)

/** A finite duration in words, which may be zero: "0 seconds". */
export const durationOrNone = (expects: string, fallback: string): Setting<Duration.Duration> =>
  durationThat((time) => !Duration.isNegative(time), expects, fallback)

/** A URL with one of the given schemes. */
export const url = (
  expects: string,
  schemes: ReadonlyArray<string>,
  fallback?: string,
): Setting<URL> => ({
  schema: Schema.URLFromString.check(
    Schema.makeFilter((value) => schemes.includes(value.protocol.slice(0, -1))),
  ),
  expects: `${expects}, a URL that starts with ${schemes.map((s) => `${s}:`).join(" or ")}`,
  ...withDefault(fallback),
})

/** "true" or "false". */
export const flag = (expects: string, fallback: boolean): Setting<boolean> => ({
  schema: Schema.Literals(["true", "false"]).pipe(
    Schema.decodeTo(Schema.Boolean, {
      decode: SchemaGetter.transform((value) => value === "true"),
      encode: SchemaGetter.transform((value) => value ? "true" as const : "false" as const),
    }),
  ),
  expects: `${expects}, true or false`,
  default: String(fallback),
})
