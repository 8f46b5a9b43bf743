/** Many refused orders in a request, and answers for other orders: no order affects another. */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Random } from "effect"
import type { Command } from "#shared/contracts/reservation.ts"
import { Refused } from "#shared/http/client.ts"
import { anId, refusing, reserves, scriptedParticipants } from "./scripted-participants.ts"
import { json } from "./scripted-service.ts"

/**
 * Sends commands until each is answered or refused. Returns those that were answered and refused.
 */
const sendAgain = Effect.fnUntraced(function* (
  send: (commands: ReadonlyArray<Command>) => Effect.Effect<ReadonlyArray<object>>,
  commands: ReadonlyArray<Command>,
  attempts: number,
) {
  const answered = new Set<Command>()
  const refused = new Set<Command>()
  let left = commands
  for (let n = 0; n < attempts && left.length > 0; n++) {
    const answers = yield* send(left)
    for (const [n, command] of left.entries()) {
      if ("outcome" in answers[n]!) answered.add(command)
      if (answers[n] instanceof Refused) refused.add(command)
    }
    left = left.filter((command) => !answered.has(command) && !refused.has(command))
  }
  return { answered, refused }
})

describe("orders that are refused at the head of a request", () => {
  for (const [bad, good] of [[8, 1], [9, 7], [50, 50], [90, 10], [300, 30]] as const) {
    it.live(`keep none behind them from its answer: ${bad} before ${good}`, () =>
      Effect.gen(function* () {
        const script = yield* scriptedParticipants
        const commands = reserves(bad + good)
        script.conduct = refusing(commands.slice(0, bad))
        const { answered, refused } = yield* sendAgain(
          (commands) => script.service.send("items", commands),
          commands,
          20,
        )
        assert.deepStrictEqual([...refused].length, bad)
        assert.deepStrictEqual(answered, new Set(commands.slice(bad)))
      }).pipe(Random.withSeed("halves")))
  }
})

describe("an answer with more outcomes than commands", () => {
  it.live("is invalid, so that no order gets another's outcome", () =>
    Effect.gen(function* () {
      const script = yield* scriptedParticipants
      const commands = reserves(4)
      // Accepted only in halves, each of which is answered with another order's outcome besides.
      script.conduct = (entries) => {
        if (entries.length === 4) return json({ code: "too_large" }, 413)
        const outcomes = entries.map(({ orderId }) => ({ orderId, outcome: "reserved" }))
        return json({ outcomes: [...outcomes, { orderId: anId(), outcome: "rejected" }] })
      }
      const answers = yield* script.service.send("items", commands)
      for (const answer of answers) assert.propertyVal(answer, "_tag", "OutcomeUnknown")
      assert.strictEqual(answers.length, 4)
    }))
})
