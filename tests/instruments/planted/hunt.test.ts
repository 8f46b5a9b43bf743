/** A hunt runs the changed copy and not the sources, and leaves nothing behind. */
import { describe, expect, it } from "@effect/vitest"
import { Deferred, Effect, Fiber } from "effect"
import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Edit } from "./bug.ts"
import { bugs } from "./bugs.ts"
import { hunt } from "./hunt.ts"
import { copiedSources, plantedTree, textOf } from "./tree.ts"

const planted = (edits: ReadonlyArray<Edit>) =>
  Effect.flatMap(copiedSources, (sources) => plantedTree(sources, edits))

const huntIn = (edits: ReadonlyArray<Edit>, seeds: number) =>
  Effect.scoped(
    Effect.flatMap(planted(edits), (folder) => hunt(folder, { first: 1, seeds }, () => {})),
  )

const plain = bugs.find(({ name }) => name === "remembered-outside")!

const tellingItsPid: Edit = {
  file: "tests/instruments/planted/runner.ts",
  replace: "const [first = 1",
  by: `import { writeFileSync } from "node:fs"
writeFileSync("pid", String(process.pid))
const [first = 1`,
}

describe("a hunt", () => {
  it.live("finds a bug in the copy that has it, and leaves the sources unchanged", () =>
    Effect.gen(function* () {
      const before = plain.edits.map(({ file }) => textOf(file))
      const { finding } = yield* huntIn(plain.edits, 20)
      expect(finding?.violations.map(({ invariant }) => invariant)).toContain("I2")
      expect(plain.edits.map(({ file }) => textOf(file))).toEqual(before)
    }))

  it.live("finds nothing in a copy without a bug", () =>
    Effect.gen(function* () {
      expect((yield* huntIn([], 3)).finding).toBeUndefined()
    }))

  it.live("says why a copy does not run", () =>
    Effect.gen(function* () {
      const broken = { file: "shared/saga/order-run.ts", replace: "export class", by: "export {{" }
      const { message } = yield* Effect.flip(huntIn([broken], 1))
      expect(message).toContain("The simulation ended with 1")
      expect(message).toContain("SyntaxError")
    }))

  it.live("leaves no folder and no process behind when it is interrupted", () =>
    Effect.gen(function* () {
      const underWay = yield* Deferred.make<string>()
      const hunting = yield* planted([tellingItsPid]).pipe(
        Effect.tap((folder) =>
          hunt(
            folder,
            { first: 1, seeds: 1_000_000 },
            (seed) => seed === 3 && Deferred.doneUnsafe(underWay, Effect.succeed(folder)),
          )
        ),
        Effect.scoped,
        Effect.forkChild,
      )
      // A hunt that fails would leave nothing to wait for.
      const folder = yield* Effect.raceFirst(
        Deferred.await(underWay),
        Effect.andThen(Fiber.join(hunting), Effect.die("the hunt ended by itself")),
      )
      const pid = Number(readFileSync(join(folder, "pid"), "utf8"))
      expect(process.kill(pid, 0)).toBe(true)
      yield* Fiber.interrupt(hunting)
      expect(() => process.kill(pid, 0)).toThrow()
      expect(existsSync(folder)).toBe(false)
    }))
})
