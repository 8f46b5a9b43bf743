/**
 * The route that signs the first operator in, by the address that `npm start` prints. A person who
 * can read it may read all data anyway: it is on the terminal that started the system, and works on
 * that machine only.
 */
import { Clock, Effect } from "effect"
import { randomBytes } from "node:crypto"
import { isIP } from "node:net"
import { FirstSignInRequest, TokenPair } from "#shared/contracts/auth.ts"
import { Problem } from "#shared/http/problem.ts"
import { publicBodyBytes, route } from "#shared/http/route.ts"
import { Database } from "#shared/postgres/database.ts"
import { AuditTrail, recorded } from "./audit-trail.ts"
import { clientAddress } from "#shared/http/client-address.ts"
import { CurrentFirstSignIn } from "./first-sign-in.ts"
import { operatorTable } from "./operator-table.ts"
import { Sessions } from "./sessions.ts"
import { makeSignUp } from "./sign-up.ts"
import { Users } from "./users.ts"

const username = "operator"

const problem = (status: number, code: string, detail: string) =>
  new Problem({ status, code, detail })
const noAddress = problem(
  404,
  "no_sign_in_address",
  "This system has printed no sign-in address. Make a user an operator: npm run operators -- " +
    "grant NAME.",
)
const elsewhere = problem(
  403,
  "this_machine_only",
  "The sign-in address works only on the machine that printed it, and not through a proxy.",
)
const notGood = problem(
  401,
  "sign_in_address_used",
  "The sign-in address is wrong, used, or more than an hour old. Restart the system to get a new " +
    "one, or make a user an operator: npm run operators -- grant NAME.",
)
const notOurs = problem(
  409,
  "name_taken",
  `The name ${username} belongs to a user who is not an operator. Sign up with another name, and ` +
    "make that user an operator: npm run operators -- grant NAME.",
)

const loopback = /^(127\.\d+\.\d+\.\d+|::1|::ffff:127\.\d+\.\d+\.\d+)$/i
const localNames = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i
/** Headers that a proxy adds: behind one on this machine, all clients come from this machine. */
const proxied = ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"]

/** Whether it was sent from this machine, to this machine by name, and not through a proxy. */
const isFromHere = ({ headers, url }: Request, remoteAddress: string | undefined): boolean =>
  remoteAddress !== undefined && isIP(remoteAddress) !== 0 && loopback.test(remoteAddress) &&
  localNames.test(headers.get("host") ?? new URL(url).host) &&
  proxied.every((name) => !headers.has(name))

export const firstOperatorRoute = Effect.gen(function* () {
  const signIn = yield* CurrentFirstSignIn
  const { transaction } = yield* Database
  const [users, sessions, trail] = [yield* Users, yield* Sessions, yield* AuditTrail]
  const signUp = yield* makeSignUp

  /**
   * Signs the user `operator` up if there is none, with a password that nobody knows. Returns
   * whether it is an operator.
   */
  const ensureOperator = Effect.fnUntraced(function* (address: string) {
    const password = randomBytes(32).toString("base64url")
    const isNew = yield* signUp({ username, password, email: "operator@localhost" }, address).pipe(
      Effect.as(true),
      Effect.catchIf(
        (error) => error instanceof Problem && error.status === 409,
        () => Effect.succeed(false),
      ),
    )
    const now = new Date(yield* Clock.currentTimeMillis)
    return yield* transaction((sql) => {
      const { grant, isOperator } = operatorTable(sql, now)
      return isNew ? Effect.as(grant(username), true) : isOperator(username)
    })
  })
  const open = Effect.fnUntraced(function* (address: string) {
    if (!(yield* ensureOperator(address))) return yield* notOurs
    const credentials = yield* users.credentials(username, address)
    const opened = credentials && (yield* sessions.open({ username, ...credentials }, address))
    return opened?.tokens ?? (yield* notOurs)
  })
  return yield* route({
    method: "POST",
    path: "/api/token/first-operator/",
    summary: "Sign the first operator in, with the token of the address that npm start printed",
    tag: "tokens",
    body: {
      schema: FirstSignInRequest,
      maxBytes: publicBodyBytes,
      example: { token: "the-token-of-the-address" },
    },
    answer: {
      status: 200,
      description: "Tokens of a new session of an operator",
      schema: TokenPair,
    },
    problems: [401, 403, 404, 409, 429],
    handle: Effect.fnUntraced(function* ({ body, request, remoteAddress }) {
      if (signIn === undefined) return yield* noAddress
      const address = clientAddress(request, remoteAddress, false)
      const signedIn = Effect.gen(function* () {
        if (!isFromHere(request, remoteAddress)) return yield* elsewhere
        return (yield* signIn.once(body.token, open(address))) ?? (yield* notGood)
      })
      const about = { event: "first-operator" as const, username, address }
      return { body: yield* recorded(trail, about, signedIn) }
    }),
  })
})
