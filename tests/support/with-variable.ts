/** Changes to the environment of the test process. */
import { Effect, type Scope } from "effect"

/** Sets a variable of the environment until the scope closes; undefined removes it. */
export const withVariable = (
  name: string,
  value: string | undefined,
): Effect.Effect<void, never, Scope.Scope> => {
  const set = (text: string | undefined) =>
    Effect.sync(() => {
      if (text === undefined) delete process.env[name]
      else process.env[name] = text
    })
  const before = process.env[name]
  return Effect.acquireRelease(set(value), () => set(before))
}
