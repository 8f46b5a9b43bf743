/**
 * A small participant for the kit to be tried on: it keeps the protocol, or has the one bug that BUG names (bugs.ts), or gives
 * answers that are none (BAD, to requests of BAD_FROM commands or more). PORT, FILE and STOCK say the rest, and KEYS with NAME
 * whose tokens it takes; without KEYS it asks for none.
 */
import {
  createLocalJWKSet,
  decodeJwt,
  decodeProtectedHeader,
  type JSONWebKeySet,
  jwtVerify,
} from "jose"
import { readFileSync } from "node:fs"
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { Command, Outcome } from "#shared/contracts/reservation.ts"
import { Books } from "./books.ts"
import type { BadAnswer, BugName } from "./bugs.ts"

const { PORT, FILE = "", STOCK = "10", KEYS, NAME, BAD_FROM = "1" } = process.env
const bug = process.env["BUG"] as BugName | undefined
const bad = process.env["BAD"] as BadAnswer | undefined
const opening = { thing: Number(STOCK) }
const books = new Books(FILE, opening, bug)

class Refusal extends Error {
  readonly status: number
  constructor(status: number, why: string) {
    super(why)
    this.status = status
  }
}

const keys = KEYS === undefined
  ? undefined
  : createLocalJWKSet(JSON.parse(readFileSync(KEYS, "utf8")) as JSONWebKeySet)

const prove = async (authorization = "") => {
  if (keys === undefined) return
  const token = authorization.replace(/^Bearer /, "")
  try {
    const { alg, kid } = decodeProtectedHeader(token)
    const { iat = 0 } = decodeJwt(token)
    if (alg === "none" && bug === "unsigned-tokens") return
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ["EdDSA"],
      typ: "svc+jwt",
      ...(bug === "expired-tokens" && { currentDate: new Date(iat * 1000) }),
      ...(bug !== "no-audience" && { audience: NAME! }),
    })
    if (bug === "any-issuer" || (payload.iss === kid && kid === "orchestrator")) return
  } catch {
    // Whatever is wrong with it.
  }
  throw new Refusal(401, "no right token")
}

const isOrderId = (id: unknown): id is string =>
  typeof id === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)

const isCommand = (value: unknown): value is Command => {
  const { orderId, action, resource, quantity, ...more } = (value ?? {}) as Record<string, unknown>
  return Object.keys(more).length === 0 && isOrderId(orderId) &&
    (action === "reserve" || action === "cancel") &&
    typeof resource === "string" && resource.length >= 1 && resource.length <= 150 &&
    !resource.includes("\0") && Number.isSafeInteger(quantity) && (quantity as number) >= 1
}

const jsonOf = async (request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  try {
    return Object(JSON.parse(Buffer.concat(chunks).toString()))
  } catch {
    throw new Refusal(400, "no JSON")
  }
}

const reserve = async (request: IncomingMessage) => {
  const { commands, ...more } = await jsonOf(request)
  const list: ReadonlyArray<unknown> = Array.isArray(commands) ? commands : []
  if (list.length < 1 || list.length > 1_000 || Object.keys(more).length > 0) {
    throw new Refusal(400, "no commands, or too many")
  }
  const wrong = list.findIndex((one) => !isCommand(one))
  if (bug === "half-a-batch" && wrong > 0) await books.apply(list.slice(0, wrong) as Array<Command>)
  if (wrong !== -1) throw new Refusal(400, `command ${wrong} is none`)
  return { outcomes: await books.apply(list as ReadonlyArray<Command>) }
}

const page = (query: URLSearchParams) => {
  const { before, after, limit } = Object.fromEntries(query)
  for (const id of [before, after]) {
    if (id !== undefined && !isOrderId(id)) throw new Refusal(400, "id")
  }
  const most = Number(limit ?? 1_000)
  if (!(Number.isInteger(most) && most >= 1 && most <= 1_000)) throw new Refusal(400, "limit")
  const range = {
    ...(before && { before }),
    ...(after && { after }),
    ...(limit && { limit: most }),
  }
  return { reservations: books.page(range) }
}

const forget = async (request: IncomingMessage) => {
  const { before, except } = await jsonOf(request)
  if (isOrderId(before) && Array.isArray(except) && except.every(isOrderId)) {
    return { forgotten: books.forget(before, except) }
  }
  throw new Refusal(400, "before or except")
}

const answer = async (request: IncomingMessage): Promise<unknown> => {
  const { pathname, searchParams } = new URL(request.url!, "http://participant")
  const route = `${request.method} ${pathname}`
  if (route === "GET /livez" || route === "GET /readyz") return {}
  await prove(request.headers.authorization)
  if (route === "POST /internal/reservations") return await reserve(request)
  if (route === "GET /internal/reservations") return page(searchParams)
  if (route === "GET /internal/books") {
    return { resources: 1, imbalanced: books.imbalanced(opening) }
  }
  if (route === "POST /internal/forget") return await forget(request)
  if (route === "GET /internal/forgotten") return books.forgotten
  throw new Refusal(404, "nothing here")
}

/** Spoils a right answer; gives what is sent in its place. */
const spoilt = (outcomes: ReadonlyArray<Outcome>, response: ServerResponse): string | undefined => {
  const bads: Readonly<Record<BadAnswer, () => string | undefined>> = {
    "another-order": () => JSON.stringify({ outcomes: outcomes.toReversed() }),
    "one-twice": () => JSON.stringify({ outcomes: [...outcomes, outcomes[0]] }),
    "one-too-few": () => JSON.stringify({ outcomes: outcomes.slice(1) }),
    "an-unknown-outcome": () =>
      JSON.stringify({ outcomes: outcomes.map((one) => ({ ...one, outcome: "ok" })) }),
    "html": () => "<html>Welcome",
    "nothing": () => "",
    "a-list": () => JSON.stringify(outcomes),
    "another-version": () => JSON.stringify({ results: outcomes }),
    "an-error": () => {
      response.statusCode = 500
      return "Traceback"
    },
    "a-cut": () => void response.destroy(),
    "silence": () => undefined,
  }
  return bads[bad!]()
}

createServer((request, response) => {
  answer(request).then((value) => {
    const { outcomes } = value as { outcomes?: ReadonlyArray<Outcome> }
    const isSpoilt = bad !== undefined && outcomes !== undefined &&
      outcomes.length >= Number(BAD_FROM)
    const text = isSpoilt ? spoilt(outcomes, response) : JSON.stringify(value)
    if (text !== undefined) response.end(text)
  }, (error: unknown) => {
    response.statusCode = error instanceof Refusal ? error.status : 500
    response.end(String(error))
  })
}).listen(Number(PORT), "127.0.0.1")
