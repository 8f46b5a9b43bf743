/**
 * Keys and tokens between services. The answers to invalid tokens are in
 * reservations/routes.test.ts.
 */
import { assert, describe, it } from "@effect/vitest"
import { Clock, Context, Effect, Exit, Layer, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { exportJWK, generateKeyPair, type JWK } from "jose"
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { generateServiceKeys, keyFiles } from "#shared/security/generate-service-keys.ts"
import { callers, type ServiceName } from "#shared/roster.ts"
import {
  ServiceSigner,
  serviceSignerLayer,
  ServiceVerifier,
  serviceVerifierLayer,
} from "#shared/security/service-tokens.ts"

const newFolder = Effect.acquireRelease(
  Effect.promise(() => mkdtemp(join(tmpdir(), "unwind-test-keys-"))),
  (folder) => Effect.promise(() => rm(folder, { recursive: true })),
)

const keysFor = Effect.tap(newFolder, (folder) => Effect.promise(() => generateServiceKeys(folder)))

const signerOf = (folder: string, service: ServiceName) =>
  Effect.map(
    Layer.build(serviceSignerLayer(service, keyFiles(folder).privateKey(service))),
    (context) => Context.get(context, ServiceSigner),
  )

const verifierOf = (folder: string, service: ServiceName) =>
  Effect.map(
    Layer.build(serviceVerifierLayer(service, keyFiles(folder).publicKeys)),
    (context) => Context.get(context, ServiceVerifier),
  )

const request = (token: string) =>
  new Request("http://items.test/", { headers: { authorization: `Bearer ${token}` } })

describe("a service's token", () => {
  it.effect("lets its caller in where it is allowed, and only at its callee", () =>
    Effect.gen(function* () {
      const folder = yield* keysFor
      const auth = yield* signerOf(folder, "auth")
      const items = yield* verifierOf(folder, "items")
      const slots = yield* verifierOf(folder, "slots")
      const token = request(yield* auth.tokenFor("items"))
      assert.strictEqual(yield* items.only("orchestrator", "auth").authorize(token), "auth")
      const refused = yield* Effect.flip(items.only("orchestrator").authorize(token))
      assert.deepStrictEqual([refused.status, refused.code], [403, "forbidden"])
      const elsewhere = yield* Effect.flip(slots.only("auth").authorize(token))
      assert.strictEqual(elsewhere.status, 401)
    }))

  it.effect("is used for half a minute, and then replaced, so that it always arrives in time", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const folder = yield* keysFor
      const auth = yield* signerOf(folder, "auth")
      const first = yield* auth.tokenFor("items")
      assert.notStrictEqual(yield* auth.tokenFor("slots"), first)
      yield* TestClock.adjust("29 seconds")
      assert.strictEqual(yield* auth.tokenFor("items"), first)
      yield* TestClock.adjust("2 seconds")
      assert.notStrictEqual(yield* auth.tokenFor("items"), first)
    }))

  it.effect("is accepted at any age if clocks are five minutes apart, whichever is ahead", () =>
    Effect.gen(function* () {
      yield* TestClock.setTime(1_800_000_000_000)
      const folder = yield* keysFor
      const auth = yield* signerOf(folder, "auth")
      const { authorize } = (yield* verifierOf(folder, "items")).only("auth")
      /**
       * The callee's answer to the token that the caller uses now, by a clock that is this far
       * ahead.
       */
      const answered = Effect.fnUntraced(function* (secondsAhead: number) {
        const nowMs = yield* Clock.currentTimeMillis
        const token = yield* auth.tokenFor("items")
        yield* TestClock.setTime(nowMs + secondsAhead * 1_000)
        const answer = yield* Effect.exit(authorize(request(token)))
        // A proof is remembered for ten seconds.
        yield* TestClock.adjust("11 seconds")
        yield* TestClock.setTime(nowMs)
        return Exit.isSuccess(answer) ? answer.value : "refused"
      })
      for (let age = 0; age < 60; age += 6) {
        for (const ahead of [0, 8, -8, 35, -35, 130, -130, 299, -299]) {
          assert.strictEqual(yield* answered(ahead), "auth", `${ahead} s ahead, ${age} s old`)
        }
        for (const ahead of [331, -331, 3_600, -3_600]) {
          assert.strictEqual(yield* answered(ahead), "refused", `${ahead} s ahead`)
        }
        yield* TestClock.adjust("6 seconds")
      }
    }))

  it.effect("is replaced when the clock was set back, and its proof is still forgotten", () =>
    Effect.gen(function* () {
      const nowMs = 1_800_000_000_000
      yield* TestClock.setTime(nowMs)
      const folder = yield* keysFor
      const auth = yield* signerOf(folder, "auth")
      const { authorize } = (yield* verifierOf(folder, "items")).only("auth")
      const first = yield* auth.tokenFor("items")
      yield* authorize(request(first))
      yield* TestClock.setTime(nowMs - 3_600_000)
      const second = yield* auth.tokenFor("items")
      assert.notStrictEqual(second, first)
      yield* authorize(request(second))
      yield* TestClock.adjust("11 seconds")
      assert.strictEqual((yield* Effect.flip(authorize(request(first)))).status, 401)
    }))

  it.effect("of a key that is not in the file is refused", () =>
    Effect.gen(function* () {
      const auth = yield* signerOf(yield* keysFor, "auth")
      const { authorize } = (yield* verifierOf(yield* keysFor, "items")).only("auth")
      const refused = yield* Effect.flip(authorize(request(yield* auth.tokenFor("items"))))
      assert.strictEqual(refused.status, 401)
    }))
})

describe("a key file", () => {
  const failure = <A>(layer: Layer.Layer<A, { readonly message: string }>) =>
    Effect.map(Effect.flip(Layer.build(layer)), ({ message }) => message)

  const withFile = (
    text: string,
    message: (file: string) => Effect.Effect<string, unknown, Scope.Scope>,
  ) =>
    Effect.gen(function* () {
      const file = join(yield* newFolder, "key.json")
      yield* Effect.promise(() => writeFile(file, text))
      const said = yield* message(file)
      assert.include(said, file)
      assert.include(said, "npm run keys")
      assert.notInclude(said, "\n")
      return said
    })

  it.live("that is missing is named with its setting and what to do", () =>
    Effect.gen(function* () {
      const file = join(yield* newFolder, "none.json")
      const secret = yield* failure(serviceSignerLayer("auth", file))
      assert.match(secret, /^SERVICE_PRIVATE_KEY: cannot use .*none\.json .*`npm run keys`$/)
      const known = yield* failure(serviceVerifierLayer("items", file))
      assert.match(known, /^SERVICE_PUBLIC_KEYS: cannot use .*none\.json .*`npm run keys`$/)
    }))

  it.live("that holds no keys is refused at the start, whatever it holds", () =>
    Effect.gen(function* () {
      for (const text of ["", "{", "null", "1", "[]", "{}", '{"keys":1}', '{"keys":[1]}']) {
        const said = yield* withFile(text, (file) => failure(serviceVerifierLayer("items", file)))
        assert.match(said, /^SERVICE_PUBLIC_KEYS/, text)
      }
      const curve = yield* Effect.promise(() => generateKeyPair("ES256", { extractable: true }))
      const edwards = yield* Effect.promise(() =>
        generateKeyPair("EdDSA", { crv: "Ed25519", extractable: true })
      )
      const keys = yield* Effect.promise(() =>
        Promise.all([curve.privateKey, edwards.publicKey].map((key) => exportJWK(key)))
      )
      const symmetric: JWK = { kty: "oct", k: "c2VjcmV0LXNlY3JldC1zZWNyZXQ" }
      for (const key of [null, 1, {}, [], { keys: [] }, symmetric, ...keys]) {
        const text = JSON.stringify(key)
        const said = yield* withFile(text, (file) => failure(serviceSignerLayer("auth", file)))
        assert.match(said, /^SERVICE_PRIVATE_KEY/, text)
        assert.notInclude(said, "c2VjcmV0")
      }
    }))
})

describe("generateServiceKeys", () => {
  it.live("makes private keys and a secret that only their owner reads, and a public file", () =>
    Effect.gen(function* () {
      const folder = join(yield* newFolder, "new", "folder")
      yield* Effect.promise(() => generateServiceKeys(folder))
      const files = (yield* Effect.promise(() => readdir(folder))).toSorted()
      const secret = callers.map((name) => `${name}.private.json`).toSorted()
      const names = [...secret, "services.public.json", "signing-keys.secret"]
      assert.deepStrictEqual(files, names)
      for (const name of [...secret, "signing-keys.secret"]) {
        const { mode } = yield* Effect.promise(() => stat(join(folder, name)))
        assert.strictEqual(mode & 0o777, 0o600)
      }
      const text = yield* Effect.promise(() => readFile(keyFiles(folder).publicKeys, "utf8"))
      const { keys } = JSON.parse(text) as { keys: ReadonlyArray<JWK> }
      assert.deepStrictEqual(keys.map(({ kid }) => kid), callers)
      for (const key of keys) assert.notProperty(key, "d")
    }))

  it.live("keeps the keys that exist, and makes those that are missing", () =>
    Effect.gen(function* () {
      const folder = yield* keysFor
      const contents = Effect.promise(async () => {
        const names = (await readdir(folder)).toSorted()
        return Promise.all(names.map(async (name) => await readFile(join(folder, name), "utf8")))
      })
      const before = yield* contents
      yield* Effect.promise(() => generateServiceKeys(folder))
      assert.deepStrictEqual(yield* contents, before)
      yield* Effect.promise(() => rm(keyFiles(folder).privateKey("orchestrator")))
      yield* Effect.promise(() => generateServiceKeys(folder))
      const after = yield* contents
      const changed = callers.toSorted().filter((_, n) => after[n] !== before[n])
      assert.deepStrictEqual(changed, ["orchestrator"])
      const { authorize } = (yield* verifierOf(folder, "items")).only("orchestrator")
      const signer = yield* signerOf(folder, "orchestrator")
      assert.strictEqual(yield* authorize(request(yield* signer.tokenFor("items"))), "orchestrator")
    }))

  it.live("replaces an empty file, which an earlier version left behind when it was killed", () =>
    Effect.gen(function* () {
      const folder = yield* keysFor
      yield* Effect.promise(() => writeFile(keyFiles(folder).privateKey("orchestrator"), ""))
      yield* Effect.promise(() => generateServiceKeys(folder))
      const { authorize } = (yield* verifierOf(folder, "items")).only("orchestrator")
      const signer = yield* signerOf(folder, "orchestrator")
      assert.strictEqual(yield* authorize(request(yield* signer.tokenFor("items"))), "orchestrator")
    }))

  it.live("keeps a file that holds something else, and names it", () =>
    Effect.gen(function* () {
      const folder = yield* keysFor
      const file = keyFiles(folder).privateKey("orchestrator")
      for (const content of ['{"kty":"OKP","d":"AAAA', "{}", "null", '"a key"']) {
        yield* Effect.promise(() => writeFile(file, content))
        const { message } = yield* Effect.flip(Effect.tryPromise({
          try: () => generateServiceKeys(folder),
          catch: (error) => error as Error,
        }))
        assert.strictEqual(
          message,
          `${file} holds no private key; remove it, and a new one is made`,
        )
        assert.strictEqual(yield* Effect.promise(() => readFile(file, "utf8")), content)
      }
    }))
})
