/**
 * docs/protocol.openapi.json describes what participants do, and what the page says; `npx vitest
 * -u` writes it again.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { join } from "node:path"
import { expect } from "vitest"
import { startParticipant } from "#tests/shared/reservations/running-participant.ts"
import { protocolDocument } from "./document.ts"

const file = join(import.meta.dirname, "../../docs/protocol.openapi.json")

describe("docs/protocol.openapi.json", () => {
  it.live("is made from the routes of a participant", () =>
    Effect.gen(function* () {
      const document = yield* protocolDocument(yield* startParticipant("items"))
      yield* Effect.promise(() =>
        expect(`${JSON.stringify(document, null, 2)}\n`).toMatchFileSnapshot(file)
      )
      for (const other of ["slots"] as const) {
        assert.deepStrictEqual(
          yield* protocolDocument(yield* startParticipant(other)),
          document,
        )
      }
    }))

  it.live("describes health as it is answered", () =>
    Effect.gen(function* () {
      const participant = yield* startParticipant("items")
      const { paths } = yield* protocolDocument(participant)
      for (const path of ["/livez", "/readyz"] as const) {
        const { body, status } = yield* participant.call(path)
        assert.strictEqual(status, 200)
        const { properties } = paths[path].get.responses[200].content["application/json"].schema
        assert.sameMembers(Object.keys(body), Object.keys(properties))
        assert.include(properties.status.enum, body.status)
      }
    }))
})
