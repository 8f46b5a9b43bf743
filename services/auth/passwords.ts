/**
 * Passwords are stored as argon2id hashes (19 MiB, 2 passes, 1 lane: the OWASP Password Storage
 * Cheat Sheet). Hashing runs off the event loop, in turns (turns.ts).
 */
import { hash, type Options, verify } from "@node-rs/argon2"
import { Context, Effect, Layer } from "effect"

// The same as the package's defaults today; its default algorithm is argon2id.
const parameters: Options = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }

export class Passwords extends Context.Service<Passwords, {
  readonly hash: (password: string) => Effect.Effect<string>
  /** Whether the password matches the hash. Without a hash: false, after the same time. */
  readonly matches: (hash: string | undefined, password: string) => Effect.Effect<boolean>
}>()("unwind/auth/Passwords") {}

export const passwordsLayer: Layer.Layer<Passwords> = Layer.effect(
  Passwords,
  Effect.gen(function* () {
    // The thread goes on even when nobody waits any more, so the turn is kept until it ends.
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
