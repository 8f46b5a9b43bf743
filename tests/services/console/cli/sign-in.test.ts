/** How operators sign in, and the one line that says what is wrong and what to do. */
import { Effect, Exit, Scope } from "effect"
import { Hono } from "hono"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import { listen } from "#shared/http/listen.ts"
import { isDown } from "../running-console.ts"
import { type RunningCli, startCli, startCommand } from "./running-cli.ts"

const scope = Scope.makeUnsafe()
let cli: RunningCli
const password = "correct horse battery"

const post = async (path: string, body: object, token?: string) => {
  const answer = await fetch(`${cli.baseUrl}${path}`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
    },
    body: JSON.stringify(body),
  })
  return await answer.json() as { readonly access: string }
}

beforeAll(async () => {
  cli = await Effect.runPromise(Scope.provide(startCli, scope))
  for (const username of ["ada", "bob"]) {
    await post("/api/auth/users/", { username, password, email: `${username}@example.com` })
  }
  await cli.system.sql("auth")`update users set operator_since = now() where username = 'ada'`
})
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)))

const nobody = { UNWIND_TOKEN: "" }
const as = (username: string, more: Readonly<Record<string, string>> = {}) => ({
  ...nobody,
  UNWIND_USER: username,
  UNWIND_PASSWORD: password,
  ...more,
})

/** The address of a server that stands in for Unwind, until the end of the tests. */
const served = (app: Hono) =>
  listen(app, { host: "127.0.0.1", port: 0 }).pipe(
    Effect.map((port) => `http://127.0.0.1:${port}`),
    Scope.provide(scope),
    Effect.runPromise,
  )

describe("an operator", () => {
  it("is signed in by password while a command runs, and logged out afterwards", async () => {
    assert.deepStrictEqual(await cli.run(["stuck"], as("ada")), {
      code: 0,
      lines: [],
      errors: ["Nothing is stuck."],
    })
    const { access } = await post("/api/token/", { username: "ada", password })
    const sessions = await fetch(`${cli.baseUrl}/api/auth/sessions/`, {
      headers: { authorization: `Bearer ${access}` },
    })
    assert.lengthOf(await sessions.json() as ReadonlyArray<unknown>, 1)
  })

  it("is signed in by an access token, or by the unchanged answer of a log-in", async () => {
    const pair = await post("/api/token/", { username: "ada", password })
    for (const UNWIND_TOKEN of [pair.access, JSON.stringify(pair)]) {
      assert.strictEqual((await cli.run(["stuck"], { UNWIND_TOKEN })).code, 0)
    }
  })

  it("continues with a new token when one expires during the command", async () => {
    const asked: Array<string | undefined> = []
    const page = { letters: [], next: null }
    const url = await served(
      new Hono()
        .post("/api/token/", ({ json }) => json({ access: "first", refresh: "a" }))
        .post("/api/token/refresh/", ({ json }) => json({ access: "second", refresh: "b" }))
        .get("/api/console/dead-letters", ({ req, json }) => {
          asked.push(req.header("authorization"))
          return asked.length === 1 ? json({}, 401) : json(page)
        }),
    )
    const { code } = await cli.run(["dead"], as("ada", { UNWIND_URL: url }))
    assert.deepStrictEqual([code, asked], [0, ["Bearer first", "Bearer second"]])
  })
})

describe("a command says in one line what to do", () => {
  const refused = async (
    environment: Readonly<Record<string, string>>,
    ...args: ReadonlyArray<string>
  ) => {
    const words = args.length === 0 ? ["orders"] : args
    const { code, lines, errors } = await cli.run(words, environment)
    assert.deepStrictEqual(lines, [])
    assert.lengthOf(errors, 1, errors.join("\n"))
    return [code, errors[0]!] as const
  }

  it("without credentials, or with a wrong password or token", async () => {
    const [code, unknown] = await refused(nobody)
    assert.strictEqual(code, 2)
    assert.match(unknown, /^Not signed in: set UNWIND_USER and UNWIND_PASSWORD_FILE/)
    assert.deepStrictEqual(await refused(as("ada", { UNWIND_PASSWORD: "wrong" })), [
      2,
      'The password of "ada" is not accepted: check UNWIND_USER and UNWIND_PASSWORD',
    ])
    const [tokenCode, token] = await refused({ UNWIND_TOKEN: "abc" })
    assert.strictEqual(tokenCode, 2)
    assert.match(token, /^UNWIND_TOKEN is invalid or has expired: set it to a new access token/)
    const [, noToken] = await refused({ UNWIND_TOKEN: "two\nlines" })
    assert.match(noToken, /^UNWIND_TOKEN is not an access token: set it to/)
  })

  it("when the user is not an operator", async () =>
    assert.deepStrictEqual(await refused(as("bob")), [
      2,
      "You are not an operator, or were not one when you logged in: npm run operators -- grant NAME",
    ]))

  it("when there is no answer, or it is not from Unwind", async () => {
    assert.deepStrictEqual(await refused({ UNWIND_URL: "http://127.0.0.1:1" }), [
      2,
      "No answer from http://127.0.0.1:1: check that the system runs there, or set another address " +
      "by UNWIND_URL or --url",
    ])
    const bad = "<html><h1>502 Bad Gateway</h1></html>"
    const page = await served(new Hono().all("*", ({ html }) => html(bad, 502)))
    const [code, message] = await refused({ UNWIND_URL: page })
    assert.strictEqual(code, 2)
    assert.match(message, /was answered with 502, but not by Unwind: check the address/)
    const hello = await served(new Hono().all("*", ({ html }) => html("<p>Hello</p>")))
    const [helloCode, helloMessage] = await refused({ UNWIND_URL: hello })
    assert.strictEqual(helloCode, 2)
    assert.match(helloMessage, /^The answer to GET http\S+ is not as documented \(.+\)$/)
  })

  it("when the required service is unavailable", async () => {
    cli.system.disturb("orders", isDown)
    const [code, message] = await refused({})
    cli.system.restore()
    assert.strictEqual(code, 2)
    assert.match(message, /^orders /)
  })

  it.each([
    [["show", "x"], /^"x" is not an order's id or the beginning of one, such as /],
    [["show", ""], /^"" is not an order's id/],
    [["cancel", "0193a0a0-0000-7000-8000-000000000001"], /^Give a reason, such as --reason "/],
    [["cancel", "0193", "--reason", " "], /^--reason needs 1 to 500 characters/],
    [["retry", "--all", "--reason", "a\nb"], /^--reason needs 1 to 500 characters/],
    [["retry", "--reason", "x"], /^Give an order, --action, --step, --cause or --all/],
    [["retry", "0193", "--all", "--reason", "x"], /^Give only one of an order, a filter and --all/],
    [["retry", "--step", "gift", "--reason", "x"], /^--step is one of money, item, slot/],
    [["retry", "--all", "--cap", "0", "--reason", "x"], /^--cap needs a whole number from 1 to/],
    [["redrive", "--reason", "x"], /^Give ids of dead letters, or --all/],
    [["discard", "one", "--reason", "x"], /^"one" is not the id of a dead letter, such as /],
    [["stock", "cats"], /^The participant is one of billing, items, slots/],
    [["restock", "items", "1", "--reason", "x"], /^Give either --add N or --take N/],
    [["restock", "items", "1", "--add", "1.5", "--reason", "x"], /^--add needs a whole number/],
    [
      ["restock", "billing", "a", "--take", "0", "--reason", "x"],
      /^--take needs an amount such as/,
    ],
    [["heal"], /^Give a reason, such as --reason "/],
    [
      ["audit", "--heal", "--url", "http://localhost"],
      /^--heal does not work with --url: use npm run unwind -- heal/,
    ],
    [["load"], /^--rate and --minutes are required, such as --rate 20 --minutes 1/],
    [["load", "--rate", "0", "--minutes", "1"], /^--rate needs a number from 0.1 to 1000/],
    [["orders", "--limit", "-1"], /^Option '--limit' argument is ambiguous/],
    [["orders", "--status", "lost"], /^--status is one of pending, /],
    [["orders", "--url", "localhost"], /^--url needs a URL such as http:\/\/localhost:8080/],
    [["watch", "a", "b"], /^It takes the id of one order, and not "b"/],
  ])("when its arguments are %j", async (words, says) => {
    const { code, lines, errors } = await (await startCommand(words, {})).ended
    assert.deepStrictEqual([code, lines], [2, []])
    assert.lengthOf(errors, 1)
    assert.match(errors[0]!, says)
    assert.match(errors[0]!, /: see npm run \S+ (?:-- \S+ |-- )--help$/)
  })
})
