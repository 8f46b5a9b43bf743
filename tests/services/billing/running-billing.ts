/** Billing with an auth that a test controls. */
import { assert } from "@effect/vitest"
import { Effect } from "effect"
import { exportJWK, generateKeyPair, SignJWT } from "jose"
import { randomUUID } from "node:crypto"
import { auths } from "#tests/support/auths-answer.ts"
import {
  type RunningParticipant,
  startParticipant,
} from "../../shared/reservations/running-participant.ts"

/** An auth service as billing knows it: its public keys, and the tokens that it gives to users. */
const makeAuth = Effect.promise(async () => {
  const { publicKey, privateKey } = await generateKeyPair("EdDSA", { crv: "Ed25519" })
  const stranger = await generateKeyPair("EdDSA", { crv: "Ed25519" })
  const trusted = auths([{ ...(await exportJWK(publicKey)), kid: "one" }])
  const state: { answer: () => Response } = { answer: () => Response.json(trusted) }
  const sign = (
    username: string,
    { key = privateKey, typ = "at+jwt", audience = "unwind-api", expires = "5m" } = {},
  ) =>
    Effect.promise(() =>
      new SignJWT({ sid: randomUUID() }).setProtectedHeader({ alg: "EdDSA", kid: "one", typ })
        .setIssuer("unwind").setAudience(audience).setSubject(username)
        .setJti(randomUUID()).setIssuedAt().setExpirationTime(expires).sign(key)
    )
  return { state, sign, strangersKey: stranger.privateKey }
})

/** A billing service that reads its keys from such an auth; `change` sets auth's answer. */
export const setUp = Effect.fnUntraced(function* (
  change: (state: { answer: () => Response }) => void = () => {},
) {
  const auth = yield* makeAuth
  change(auth.state)
  const billing = yield* startParticipant("billing", {
    fetch: (request) => {
      assert.match(request.url, /^http:\/\/127\.0\.0\.1\/internal\/jwks\.json(\?after=1)?$/)
      return Promise.resolve(auth.state.answer())
    },
  })
  return { auth, billing }
})

/** Opens an account as auth does. */
export const open = (
  { call, token }: RunningParticipant,
  username: string,
  email = "a@example.org",
) =>
  Effect.gen(function* () {
    return yield* call("/api/profiles/", {
      token: yield* token("auth"),
      body: { username, email },
    })
  })
