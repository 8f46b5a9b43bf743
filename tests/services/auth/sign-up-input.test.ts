/** What a sign-up may contain. A refusal names the field and never repeats the value. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { ann, logIn, signUp, startAuth } from "./running-auth.ts"

const named = (username: unknown) => ({ ...ann, username })
const secured = (password: unknown) => ({ ...ann, password })
const mailed = (email: unknown) => ({ ...ann, email })

const wrongUsernames = [
  "",
  ".",
  "..",
  "．．",
  " ann",
  "ann b",
  "a/b",
  "a%2fb",
  "a\u0000b",
  "a\nb",
  "a'b",
  'a"b',
  "<ann>",
  "ann:b",
  "\u202eann",
  "a\u200db",
  "😀",
  "½",
  // Names of several scripts, or with an invisible character.
  "p\u0430ypal",
  "٣ali",
  "ann\u034F",
  "\ud800",
  "a".repeat(151),
  "ﷺ".repeat(10),
  "\u{20000}".repeat(76),
  5,
  null,
  ["ann"],
]
const rightUsernames = [
  "a",
  "...",
  "ann.b@c+d-e_f9",
  "Åsa",
  "मीरा",
  "李雷",
  "علي٣",
  "a".repeat(150),
  "__proto__",
]
const wrongPasswords = [
  "",
  "1234567",
  "😀".repeat(7),
  "e\u0301".repeat(7),
  "x".repeat(129),
  "😀".repeat(129),
  "\ud800".repeat(8),
  "with\u0000nul inside",
  "password1",
  "PassWord1",
  "12345678",
  12345678901,
  null,
  {},
]
const rightPasswords = [
  "x".repeat(7) + "y",
  "x".repeat(63) + "y",
  "x".repeat(127) + "y",
  "😀😃😄😁😆😅😂🤣",
  "😀".repeat(128),
  "e\u0301".repeat(128),
  "        .",
  "Пароль для входа",
]
const wrongEmails = [
  "",
  "ann",
  "@",
  "ann@",
  "@example.org",
  "a@b@c",
  "a b@example.org",
  "a\u0000@example.org",
  "a\r\nb@example.org",
  "\ud800@example.org",
  `${"a".repeat(251)}@b.c`,
  7,
  null,
]
const rightEmails = [
  "a@b",
  "ann+tag@example.org",
  "δοκιμή@παράδειγμα.gr",
  `${"a".repeat(249)}@b.cd`,
]

const show = (value: unknown) => JSON.stringify(value).slice(0, 40)

describe("the body of POST /api/auth/users/", () => {
  const wrong = [
    ...wrongUsernames.map((value) => ["username", value, named(value)] as const),
    ...wrongPasswords.map((value) => ["password", value, secured(value)] as const),
    ...wrongEmails.map((value) => ["email", value, mailed(value)] as const),
  ]
  it.effect("is refused for any wrong value, with the field's name but not the value", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      for (const [field, value, body] of wrong) {
        const answer = yield* signUp(auth, body)
        const what = `${field} ${show(value)}`
        assert.strictEqual(answer.status, 400, what)
        assert.strictEqual(answer.body.code, "invalid_request", what)
        assert.deepStrictEqual(answer.body.errors.map(({ path }: { path: string }) => path), [
          field,
        ], what)
        if (String(value).length > 5) {
          assert.notInclude(JSON.stringify(answer.body), String(value), what)
        }
      }
      assert.strictEqual(auth.billing.calls, 0)
    }))

  it.effect("is refused when the password is the username or the e-mail address", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      for (const password of ["annie.oakley", "Annie.Oakley", "ann@Example.org"]) {
        const answer = yield* signUp(auth, { username: "Annie.Oakley", email: ann.email, password })
        assert.deepStrictEqual([answer.status, answer.body.errors[0].path], [400, "password"])
      }
    }))

  it.effect("is accepted for any right value, and the user can log in", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      for (const username of rightUsernames) {
        assert.strictEqual((yield* signUp(auth, named(username))).status, 201, username)
        assert.strictEqual((yield* logIn(auth, { ...ann, username })).status, 200, username)
      }
      for (const [n, password] of rightPasswords.entries()) {
        const user = { ...ann, username: `p${n}`, password }
        assert.strictEqual((yield* signUp(auth, user)).status, 201, show(password))
        assert.strictEqual((yield* logIn(auth, user)).status, 200, show(password))
      }
      for (const [n, email] of rightEmails.entries()) {
        assert.strictEqual(
          (yield* signUp(auth, { ...ann, username: `e${n}`, email })).status,
          201,
          email,
        )
      }
    }))

  it.effect("is not truncated: all 128 characters of a password count", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth, secured(`${"x".repeat(127)}y`))
      const { status } = yield* logIn(auth, { ...ann, password: `${"x".repeat(127)}z` })
      assert.strictEqual(status, 401)
    }))

  it.effect("has the same password in every normal form", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      yield* signUp(auth, secured("caf\u00e9 cr\u00e8me"))
      const { status } = yield* logIn(auth, { ...ann, password: "cafe\u0301 cre\u0300me" })
      assert.strictEqual(status, 200)
    }))

  it.effect("is refused with the names of every unknown and missing field", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const { username: _left, ...rest } = ann
      const { status, body } = yield* signUp(auth, { ...rest, admin: true, wallet: 1e6 })
      assert.strictEqual(status, 400)
      assert.sameMembers(
        body.errors.map(({ path }: { path: string }) => path),
        ["username", "admin", "wallet"],
      )
    }))

  const shapes = ["", "null", "[]", "5", '"ann"', "{", '{"username":"ann"', "\ufeff{", "nul\u0000l"]
  it.effect("is refused with 400 when it is not a JSON object", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      for (const body of [...shapes, "[".repeat(8000), `{"a":`.repeat(2000)]) {
        const { status } = yield* signUp(auth, body)
        assert.strictEqual(status, 400, body.slice(0, 20))
      }
    }))

  it.effect("is refused when it is too large or not JSON", () =>
    Effect.gen(function* () {
      const auth = yield* startAuth()
      const large = yield* signUp(auth, { ...ann, password: "x".repeat(20_000) })
      assert.strictEqual(large.status, 413)
      const form = yield* auth.call("/api/auth/users/", {
        body: "username=ann",
        headers: { "content-type": "application/x-www-form-urlencoded" },
      })
      assert.strictEqual(form.status, 415)
    }))
})
