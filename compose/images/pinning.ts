/** `npm run images` in a checkout: shows, checks and moves the pins. */
import { Console, Effect } from "effect"
import type { Run } from "./arguments.ts"
import { disagreements, type Pin, type Pins, readPins, referenceOf, writePins } from "./images.ts"
import { digestOf, RegistryError } from "./registry.ts"

/** Performs the task. Fails with a RegistryError whose message names every problem. */
export const perform = (run: Run, root: string): Effect.Effect<void, RegistryError> => {
  const pins = readPins(root)
  switch (run.task) {
    case "list":
      return list(pins)
    case "check":
      return check(run, pins, root)
    case "pin":
      return pin(run, pins, root)
    case "unpin":
      return write(root, pins, (name, { digest }) => isMeant(run, name) ? null : digest)
  }
}

const isMeant = ({ names }: Run, name: string) => names.length === 0 || names.includes(name)

interface RegistryAnswer {
  readonly name: string
  readonly pin: Pin
  /** The registry's digest; if it is missing, `why` says why. */
  readonly digest?: string
  readonly why?: string
}

const ask = (run: Run, pins: Pins): Effect.Effect<ReadonlyArray<RegistryAnswer>> =>
  Effect.forEach(
    Object.entries(pins).filter(([name]) => isMeant(run, name)),
    ([name, pin]) =>
      digestOf(name, pin.tag, run.registry).pipe(Effect.match({
        onSuccess: (digest) => ({ name, pin, digest }),
        onFailure: ({ message }) => ({ name, pin, why: message }),
      })),
    { concurrency: 4 },
  )

const list = (pins: Pins) =>
  Console.log(
    Object.entries(pins).map(([name, pin]) =>
      `${referenceOf({ name, ...pin })}${pin.digest === null ? " (not pinned)" : ""}`
    ).join("\n"),
  )

const check = Effect.fnUntraced(function* (run: Run, pins: Pins, root: string) {
  const answers = yield* ask(run, pins)
  const problems = [...disagreements(root), ...answers.flatMap(problemsWith)]
  if (problems.length > 0) {
    return yield* new RegistryError({
      message: `${problems.join("\n")}\nnpm run images -- --pin writes the registries' digests`,
    })
  }
  yield* Console.log(`Pinned and unchanged: ${answers.map(({ name }) => name).join(", ")}`)
})

const problemsWith = ({ name, pin: { tag, digest: pinned }, digest, why }: RegistryAnswer) => [
  ...(pinned === null ? [`${name}:${tag} is not pinned`] : []),
  ...(why === undefined ? [] : [why]),
  ...(pinned === null || digest === undefined || digest === pinned
    ? []
    : [`${name}:${tag} has moved from ${pinned} to ${digest}`]),
]

/** Pins all the named images, or none: nobody has tested the system with only some of them. */
const pin = Effect.fnUntraced(function* (run: Run, pins: Pins, root: string) {
  const answers = yield* ask(run, pins)
  const failures = answers.flatMap(({ why }) => why ?? [])
  if (failures.length > 0) {
    return yield* new RegistryError({ message: `${failures.join("\n")}\nNothing was changed` })
  }
  const found = new Map(answers.map(({ name, digest }) => [name, digest]))
  yield* write(root, pins, (name, { digest }) => found.get(name) ?? digest)
})

const write = (root: string, pins: Pins, digestOf: (name: string, pin: Pin) => string | null) =>
  Effect.suspend(() => {
    const next = Object.fromEntries(
      Object.entries(pins).map(([name, pin]) => [name, { ...pin, digest: digestOf(name, pin) }]),
    )
    const changed = writePins(root, next)
    return Effect.andThen(
      list(next),
      Console.log(changed.length === 0 ? "Nothing has changed" : `Changed: ${changed.join(", ")}`),
    )
  })
