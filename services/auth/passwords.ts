/**
 * Passwords are kept as argon2id hashes (19 MiB, 2 passes, 1 lane: the OWASP Password Storage Cheat Sheet). Hashing runs
 * off the event loop, in turns (turns.ts).
 */
import { hash, type Options, verify } from "@node-rs/argon2"
import { Context, Effect, Layer } from "effect"

// The package's own defaults say the same today; the algorithm's default is argon2id.
const parameters: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export class Passwords extends Context.Service<Passwords, {
  readonly hash: (password: string) => Effect.Effect<string>
  /** Whether the password is the one; false, and no sooner, when there is no hash to compare with. */
  readonly matches: (hash: string | undefined, password: string) => Effect.Effect<boolean>
}>()("unwind/auth/Passwords") {}

export const passwordsLayer: Layer.Layer<Passwords> = Layer.effect(
  Passwords,
  Effect.gen(function* () {
    // It goes on in its thread whether or not anybody waits, and so keeps its turn until then.
    const inThread = <A>(work: () => Promise<A>) => Effect.uninterruptible(Effect.promise(work))
    const hashOf = (password: string) => inThread(() => hash(password, parameters))
    const nobodys = yield* hashOf(crypto.randomUUID())
    return Passwords.of({
      hash: hashOf,
      matches: (hash, password) =>
        inThread(() => verify(hash ?? nobodys, password)).pipe(
          Effect.map((same) => same && hash !== undefined),
        ),
    })
  }),
)
