/**
 * Waves that call one participant at the same time share requests. Each entry gets its own answer,
 * even when the participant refuses or breaks.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, Random } from "effect"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import type { Answers } from "#shared/saga/saga.ts"
import { answering, refusing, reserves, scriptedParticipants } from "./scripted-participants.ts"
import { type Conduct, fetchFailed, json } from "./scripted-service.ts"

/** Each answer as an outcome or the name of a failure. */
const kindsOf = (answers: Answers<Outcome>) =>
  answers.map((answer) => "_tag" in answer ? answer._tag : answer.outcome)

/** The answers that differ from the usual one, by their places. */
const others = (answers: Answers<Outcome>, usual: string) =>
  Object.fromEntries(Object.entries(kindsOf(answers)).filter(([, kind]) => kind !== usual))

const at = (commands: ReadonlyArray<Command>, ...places: ReadonlyArray<number>) =>
  places.map((n) => commands[n]!)

/** How many requests it takes to find one entry in a thousand, by halves. */
const search = 2 * Math.ceil(Math.log2(1_000))

/** How many requests it takes to be sure that the entries are not the cause. */
const most = 40

describe("requests to one participant", () => {
  it.live("go out one at a time, and each takes what came meanwhile, up to 1000 commands", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      let inFlight = 0
      let most = 0
      const conduct: Conduct<Command> = async (commands) => {
        most = Math.max(most, ++inFlight)
        await new Promise((resolve) => setImmediate(resolve))
        inFlight--
        const outcomes = commands.map(({ orderId, quantity }) => ({
          orderId,
          outcome: quantity % 3 === 0 ? "rejected" : "reserved",
        }))
        return Response.json({ outcomes })
      }
      script.conduct = conduct
      const waves = Array.from(
        { length: 100 },
        (_, n) => reserves(20 + n % 7).map((command, m) => ({ ...command, quantity: 1 + m })),
      )
      const answers = yield* Effect.forEach(waves, (wave) => script.service.send("items", wave), {
        concurrency: "unbounded",
      })
      // Each wave gets the answers to its own commands.
      answers.forEach((given, n) =>
        assert.deepStrictEqual(
          given,
          waves[n]!.map(({ orderId, quantity }) => ({
            orderId,
            outcome: quantity % 3 === 0 ? "rejected" : "reserved",
          })),
        )
      )
      const sizes = script.asked.map(({ entries }) => entries.length)
      assert.isAtMost(Math.max(...sizes), 1_000)
      assert.isAtMost(sizes.length, 5)
      assert.strictEqual(most, 1)
    }))

  it.live("do not wait for requests to another participant", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      let release = () => {}
      const released = new Promise<void>((resolve) => release = resolve)
      const answer = answering("reserved")
      script.conduct = async (commands, signal) => {
        if (commands[0]!.resource === "held") await released
        return await answer(commands, signal)
      }
      const held = reserves(1).map((command) => ({ ...command, resource: "held" }))
      const waiting = yield* Effect.forkChild(script.service.send("items", held))
      assert.deepStrictEqual(kindsOf(yield* script.service.send("slots", reserves(1))), [
        "reserved",
      ])
      assert.isUndefined(waiting.pollUnsafe())
      release()
    }))
})

describe("a request that is refused as a whole", () => {
  for (const places of [[0], [999], [500], [123, 124], [0, 333, 666, 999]]) {
    it.live(`is split until entry ${places.join(" and ")} of a thousand is refused alone`, () =>
      Effect.gen(function* () {
        const script = yield* scriptedParticipants
        const commands = reserves(1_000)
        script.conduct = refusing(at(commands, ...places))
        const answers = yield* script.service.send("items", commands)
        assert.deepStrictEqual(
          others(answers, "reserved"),
          Object.fromEntries(places.map((n) => [n, "Refused"])),
        )
        assert.isAtMost(script.asked.length, 1 + search * places.length)
        yield* script.configured
      }))
  }

  it.live("does not affect commands of another wave", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const [first, poisoned, good] = [reserves(1), reserves(3), reserves(3)]
      script.conduct = refusing(at(poisoned, 1))
      const waves = yield* Effect.forEach(
        [first, poisoned, good],
        (wave) => script.service.send("items", wave),
        { concurrency: "unbounded" },
      )
      assert.deepStrictEqual(waves.map(kindsOf), [
        ["reserved"],
        ["reserved", "Refused", "reserved"],
        ["reserved", "reserved", "reserved"],
      ])
    }))

  it.live("is blamed on the service, not on an order, when nothing is accepted", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      script.conduct = () => json({ code: "invalid_body" }, 422)
      for (const count of [1_000, 8, 1, 1_000]) {
        script.asked.length = 0
        const answers = yield* script.service.send("items", reserves(count))
        assert.deepStrictEqual(others(answers, "Misconfigured"), {})
        assert.isAtMost(script.asked.length, most)
      }
      const cause = "items refuses every request: check that both are of the same version"
      assert.strictEqual((yield* Effect.flip(script.configured)).message, cause)
      assert.deepStrictEqual(script.logs, [`Warn ${cause}`])
      script.conduct = answering("reserved")
      yield* script.service.send("items", reserves(3))
      yield* script.configured
      assert.deepStrictEqual(script.logs.slice(1), ["Info items answers again"])
    }))

  it.live("is blamed on the service after the first few when orders come one by one", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      script.conduct = () => json({ code: "invalid_body" }, 422)
      const one = Effect.map(
        Effect.suspend(() => script.service.send("items", reserves(1))),
        (answers) => kindsOf(answers)[0],
      )
      const kinds = yield* Effect.replicateEffect(one, 20)
      assert.deepStrictEqual(
        kinds,
        kinds.map((_, n) => n < 7 ? "Refused" : "Misconfigured"),
      )
      assert.match((yield* Effect.flip(script.configured)).message, /^items refuses every request/)
      script.conduct = answering("reserved")
      assert.strictEqual(yield* one, "reserved")
      script.conduct = () => json({ code: "invalid_body" }, 422)
      assert.strictEqual(yield* one, "Refused")
    }))

  it.live("is blamed on the orders when only the same ones come again and again", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const poison = reserves(2)
      script.conduct = refusing(poison)
      for (let n = 0; n < 20; n++) {
        const answers = yield* script.service.send("items", poison)
        assert.deepStrictEqual(kindsOf(answers), ["Refused", "Refused"])
      }
      yield* script.configured
    }))
})

describe("a request that breaks the service", () => {
  for (const places of [[0], [999], [17, 983], [1, 2, 3, 500, 998]]) {
    it.live(`is split until entry ${places.join(" and ")} of a thousand breaks it alone`, () =>
      Effect.gen(function* () {
        const script = yield* scriptedParticipants
        const commands = reserves(1_000)
        script.conduct = refusing(at(commands, ...places), 500)
        const answers = yield* script.service.send("items", commands)
        assert.deepStrictEqual(
          others(answers, "reserved"),
          Object.fromEntries(places.map((n) => [n, "Unavailable"])),
        )
        assert.isAtMost(script.asked.length, 1 + search * places.length)
      }))
  }

  it.live("is split only a few times when the service breaks at everything", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      script.conduct = () => json({}, 500)
      for (const count of [1, 2, 1_000]) {
        script.asked.length = 0
        const answers = yield* script.service.send("items", reserves(count))
        assert.deepStrictEqual(others(answers, "Unavailable"), {})
        assert.isAtMost(script.asked.length, most)
      }
      yield* script.configured
    }))
})

/** Sends the commands without an answer so many times, and returns those still without one. */
const leftAfter = Effect.fnUntraced(function* (
  attempts: number,
  send: (commands: ReadonlyArray<Command>) => Effect.Effect<Answers<Outcome>>,
  commands: ReadonlyArray<Command>,
) {
  let left = commands
  for (let n = 0; n < attempts; n++) {
    const answers = yield* send(left)
    left = left.filter((_, n) => "_tag" in answers[n]!)
  }
  return left
})

describe("a request", () => {
  /** The sizes of requests, attempt by attempt, while all fail, and when none fails any more. */
  const refused = [[1_000], [500, 500], [250, 250, 250, 250], [125, 125, 125, 125]]
  const afterRefused = [125, 125, 125, 125, ...Array.from({ length: 4 }, () => [63, 62]).flat()]
  const unanswered = [[1_000], [125], [125], [125]]
  const afterUnanswered = [
    ...Array.from({ length: 5 }, () => 125),
    ...Array.from({ length: 3 }, () => [16, 16, 16, 16, 16, 16, 16, 13]).flat(),
  ]
  const failures: Readonly<
    Record<string, readonly [Conduct<Command>, typeof refused, typeof afterRefused]>
  > = {
    "is answered 503": [() => json({}, 503), refused, afterRefused],
    "is answered 429": [() => json({}, 429), refused, afterRefused],
    "is cut off": [
      () => Promise.reject(fetchFailed("ECONNRESET")),
      unanswered,
      afterUnanswered,
    ],
    "is answered with nonsense": [() => json({}), unanswered, afterUnanswered],
  }
  for (const [fails, [failing, sizes, sizesAfter]] of Object.entries(failures)) {
    it.live(`that ${fails} is tried again in smaller parts while all fail`, () =>
      Effect.gen(function* () {
        const script = yield* scriptedParticipants
        const commands = reserves(1_000)
        const attempt = Effect.gen(function* () {
          script.asked.length = 0
          const answers = yield* script.service.send("items", commands)
          const failed = answers.filter((answer) => "_tag" in answer).length
          return { failed, sizes: script.asked.map(({ entries }) => entries.length) }
        })
        script.conduct = failing
        for (const expected of sizes) {
          assert.deepStrictEqual(yield* attempt, { failed: 1_000, sizes: expected })
        }
        script.conduct = answering("reserved")
        assert.deepStrictEqual(yield* attempt, { failed: 0, sizes: sizesAfter })
        assert.deepStrictEqual(yield* attempt, { failed: 0, sizes: [1_000] })
      }))

    it.live(`that ${fails} because of some commands keeps no other from its answer`, () =>
      Effect.gen(function* () {
        const script = yield* scriptedParticipants
        const commands = reserves(300)
        const bad = new Set([0, 1, 150, 299].map((n) => commands[n]!))
        const ids = new Set([...bad].map(({ orderId }) => orderId))
        script.conduct = (entries, signal) =>
          (entries.some(({ orderId }) => ids.has(orderId)) ? failing : answering("reserved"))(
            entries,
            signal,
          )
        const send = (commands: ReadonlyArray<Command>) => script.service.send("items", commands)
        assert.deepStrictEqual(new Set(yield* leftAfter(20, send, commands)), bad)
      }).pipe(Random.withSeed("parts")))
  }

  it.live("that fails because of some commands is tried again apart from new commands", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const old = reserves(8)
      script.conduct = refusing(old.slice(0, 1), 503)
      yield* script.service.send("items", old)
      yield* script.service.send("items", reserves(1_000))
      script.asked.length = 0
      const fresh = reserves(700)
      const answers = yield* script.service.send("items", [...old, ...fresh])
      assert.isAtMost(Object.keys(others(answers, "reserved")).length, 4)
      const requests = script.asked.map(({ entries }) => entries)
      assert.sameMembers(requests.map(({ length }) => length), [700, 4, 4])
      assert.deepStrictEqual(requests.find(({ length }) => length === 700), fresh)
    }))

  it.live("that is never answered holds up only the commands that failed before with it", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const hung = reserves(3)
      const ids = new Set(hung.map(({ orderId }) => orderId))
      script.conduct = () => json({})
      yield* script.service.send("items", hung)
      const answer = answering("reserved")
      let release = () => {}
      const released = new Promise<void>((resolve) => release = resolve)
      script.conduct = async (commands, signal) => {
        if (commands.some(({ orderId }) => ids.has(orderId))) await released
        return await answer(commands, signal)
      }
      const waiting = yield* Effect.forkChild(script.service.send("items", hung))
      for (const count of [1, 1_000]) {
        const answers = yield* script.service.send("items", reserves(count))
        assert.deepStrictEqual(others(answers, "reserved"), {})
      }
      assert.isUndefined(waiting.pollUnsafe())
      release()
      assert.deepStrictEqual(others(yield* Fiber.join(waiting), "reserved"), {})
    }))
})
