/**
 * Passwords are kept as argon2id hashes (19 MiB, 2 passes, 1 lane: the OWASP Password Storage Cheat Sheet). Hashing runs
 * off the event loop, few at a time; when too many wait for their turn, more are turned away at once.
 */
import { hash, type Options, verify } from "@node-rs/argon2"
import { dictionary } from "@zxcvbn-ts/language-common"
import { Context, Effect, Layer, Schema, Semaphore } from "effect"
import { availableParallelism } from "node:os"
import { SignUp } from "#shared/contracts/auth.ts"
import { type Problem, unavailable } from "#shared/http/problem.ts"

// The package's own defaults say the same today; the algorithm's default is argon2id.
const parameters: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

// Node has four threads for this, for signatures, for files and for name look-ups: one stays free.
const hashesAtOnce = Math.min(availableParallelism(), 3)
const waitingAtMost = 100

const common = new Set(dictionary["passwords-common"].filter((word) => word.length >= 8))

/** What is wrong with a password that is one of those that are tried first. */
export const weaknessOf = (
  { username, password, email }: typeof SignUp.Type,
): string | undefined => {
  const tried = password.toLowerCase()
  return common.has(tried)
    ? "is one of the most used passwords; choose another one"
    : tried === username.toLowerCase() || tried === email.toLowerCase()
    ? "must not be the username or the e-mail address"
    : undefined
}

/** A sign-up whose password is none of those that are tried first. */
export const NewUser = SignUp.check(
  Schema.makeFilter((user) => {
    const issue = weaknessOf(user)
    return issue && { path: ["password"], issue }
  }),
).annotate({ identifier: "SignUp" })
export type NewUser = typeof NewUser.Type

export class Passwords extends Context.Service<Passwords, {
  /** Runs what hashes when its turn comes. Fails with a 503 Problem when too many wait already. */
  readonly inTurn: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E | Problem>
  readonly hash: (password: string) => Effect.Effect<string>
  /** Whether the password is the one; false, and no sooner, when there is no hash to compare with. */
  readonly matches: (hash: string | undefined, password: string) => Effect.Effect<boolean>
}>()("unwind/auth/Passwords") {}

const busy = unavailable("Too many log-ins and sign-ups at the same time.")

export const passwordsLayer: Layer.Layer<Passwords> = Layer.effect(
  Passwords,
  Effect.gen(function* () {
    const turns = yield* Semaphore.make(hashesAtOnce)
    let present = 0
    // It goes on in its thread whether or not anybody waits, and so keeps its turn until then.
    const inThread = <A>(work: () => Promise<A>) => Effect.uninterruptible(Effect.promise(work))
    const hashOf = (password: string) => inThread(() => hash(password, parameters))
    const nobodys = yield* hashOf(crypto.randomUUID())
    return Passwords.of({
      inTurn: <A, E>(work: Effect.Effect<A, E>) =>
        Effect.suspend((): Effect.Effect<A, E | Problem> => {
          if (present >= hashesAtOnce + waitingAtMost) return Effect.fail(busy)
          present++
          return Effect.ensuring(turns.withPermit(work), Effect.sync(() => present--))
        }),
      hash: hashOf,
      matches: (hash, password) =>
        inThread(() => verify(hash ?? nobodys, password)).pipe(
          Effect.map((same) => same && hash !== undefined),
        ),
    })
  }),
)
