/**
 * A small participant on which the kit is tried: it keeps the protocol, or has one bug (bugs.ts),
 * or returns invalid answers. Its data is in a file.
 */
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from "jose"
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type Server } from "node:http"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { Books } from "./books.ts"
import type { BadAnswer, BugName } from "./bugs.ts"
import { isCommand, isOrderId, jsonOf, rangeOf, Refusal } from "./requests.ts"
import { spoilt } from "./spoilt.ts"

export interface Settings {
  /** The journal of its books. */
  readonly file: string
  /** The initial amount of "thing". */
  readonly stock: number
  /** The keys of the tokens that it accepts, and its own name; without it, no token is required. */
  readonly trust?: { readonly keysFile: string; readonly name: string }
  readonly bug?: BugName
  /** What it answers to requests of `from` commands or more. */
  readonly bad?: { readonly answer: BadAnswer; readonly from: number }
}

const toleratedSeconds = 300

/** Checks a token. Rejects with Refusal. */
const prover = ({ trust, bug }: Settings) => {
  if (trust === undefined) return () => Promise.resolve()
  const keys = createLocalJWKSet(JSON.parse(readFileSync(trust.keysFile, "utf8")) as JSONWebKeySet)
  return async (authorization = "") => {
    const token = authorization.replace(bug === "case-sensitive" ? /^Bearer / : /^Bearer /i, "")
    try {
      const { alg, kid } = decodeProtectedHeader(token)
      const { iat = 0, exp = Infinity } = decodeJwt(token)
      if (alg === "none" && bug === "unsigned-tokens") return
      if (exp - iat > 30 && bug !== "long-lived-tokens") throw new Error("it lives too long")
      if (iat > Date.now() / 1000 + toleratedSeconds && bug !== "early-tokens") {
        throw new Error("it is issued in the future")
      }
      const { payload } = await jwtVerify(token, keys, {
        algorithms: ["EdDSA"],
        clockTolerance: bug === "no-clock-tolerance"
          ? 0
          : bug === "any-not-before"
          ? 2 * 3_600
          : toleratedSeconds,
        ...(bug !== "any-type-of-token" && { typ: "svc+jwt" }),
        ...(bug === "expired-tokens" && { currentDate: new Date(iat * 1000) }),
        ...(bug !== "no-audience" && { audience: trust.name }),
      })
      if (bug === "any-issuer" || (payload.iss === kid && kid === "orchestrator")) return
    } catch {
      // Every fault of a token has the same answer.
    }
    throw new Refusal(401, "no valid token")
  }
}

/** The routes with a body; each rejects with Refusal. */
const posts = (books: Books, bug: BugName | undefined) => {
  const bodyOf = (request: IncomingMessage, mostBytes: number) =>
    jsonOf(request, bug === "any-size" ? Infinity : mostBytes)
  return {
    reserve: async (request: IncomingMessage) => {
      const { commands, ...more } = await bodyOf(request, 1024 * 1024)
      const list: ReadonlyArray<unknown> = Array.isArray(commands) ? commands : []
      if (list.length < 1 || list.length > 1_000 || Object.keys(more).length > 0) {
        throw new Refusal(400, "no commands, or too many")
      }
      const wrong = list.findIndex((one) => !isCommand(one, bug === "unknown-fields"))
      if (bug === "half-a-batch" && wrong > 0) {
        await books.apply(list.slice(0, wrong) as ReadonlyArray<Command>)
      }
      if (wrong !== -1) throw new Refusal(400, `command ${wrong} is none`)
      return { outcomes: await books.apply(list as ReadonlyArray<Command>) }
    },
    forget: async (request: IncomingMessage) => {
      const { before, except } = await bodyOf(request, 64 * 1024)
      if (!isOrderId(before) || !Array.isArray(except) || !except.every(isOrderId)) {
        throw new Refusal(400, "before or except")
      }
      return { forgotten: books.forget(before, except) }
    },
  }
}

/** Makes one, which starts with what it had written before. */
export const participant = (settings: Settings): Server => {
  const { file, stock, bug, bad } = settings
  const books = new Books(file, stock, bug)
  const prove = prover(settings)
  const { reserve, forget } = posts(books, bug)
  const answer = async (request: IncomingMessage): Promise<unknown> => {
    const { pathname, searchParams } = new URL(request.url!, "http://participant")
    const route = `${request.method} ${pathname}`
    if (route === "GET /livez" || route === "GET /readyz") return {}
    await prove(request.headers.authorization)
    if (route === "POST /internal/reservations") return await reserve(request)
    if (route === "GET /internal/reservations") {
      return { reservations: books.page(rangeOf(searchParams)) }
    }
    if (route === "GET /internal/books") return { resources: 1, imbalanced: books.imbalanced() }
    if (route === "POST /internal/forget") return await forget(request)
    if (route === "GET /internal/forgotten") return books.forgotten
    throw new Refusal(404, "nothing here")
  }
  return createServer((request, response) => {
    answer(request).then((value) => {
      const { outcomes = [] } = value as { outcomes?: ReadonlyArray<Outcome> }
      const isBad = bad !== undefined && outcomes.length >= bad.from
      const text = isBad ? spoilt(bad.answer, outcomes, response) : JSON.stringify(value)
      if (text !== undefined) response.end(text)
    }, (error: unknown) => {
      response.statusCode = error instanceof Refusal ? error.status : 500
      if (response.statusCode === 401 && bug !== "no-challenge") {
        response.setHeader("www-authenticate", "Bearer")
      }
      response.end(String(error))
    })
  })
}
