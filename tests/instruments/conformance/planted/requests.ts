/** How the planted participant reads requests: strictly, as the protocol demands. */
import type { IncomingMessage } from "node:http"
import type { Command } from "#shared/contracts/reservation.ts"
import { isKeepable } from "#shared/contracts/text.ts"
import { duplicateField } from "#shared/http/duplicate-fields.ts"
import type { Range } from "./books.ts"

/** Why a request is refused, and with which status. */
export class Refusal extends Error {
  readonly status: number
  constructor(status: number, why: string) {
    super(why)
    this.status = status
  }
}

export const isOrderId = (id: unknown): id is string =>
  typeof id === "string" && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)

/** PostgreSQL could not store any other. */
const isResource = (resource: unknown): boolean =>
  typeof resource === "string" && resource.length >= 1 && resource.length <= 150 &&
  isKeepable(resource)

export const isCommand = (value: unknown, isLax: boolean): value is Command => {
  const { orderId, action, resource, quantity, ...more } = (value ?? {}) as Record<string, unknown>
  return (isLax || Object.keys(more).length === 0) && isOrderId(orderId) &&
    (action === "reserve" || action === "cancel") &&
    isResource(resource) && Number.isSafeInteger(quantity) && (quantity as number) >= 1
}

/** Rejects with Refusal. */
export const jsonOf = async (
  request: IncomingMessage,
  mostBytes: number,
): Promise<Readonly<Record<string, unknown>>> => {
  const chunks: Array<Buffer> = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  if (request.headers["content-type"] !== "application/json") throw new Refusal(415, "no JSON")
  const body = Buffer.concat(chunks)
  if (body.length > mostBytes) throw new Refusal(413, "too large")
  const text = body.toString()
  try {
    const value: unknown = JSON.parse(text)
    if (duplicateField(text, value) === undefined) return Object(value)
  } catch {
    // Every fault of a body has the same answer.
  }
  throw new Refusal(400, "no JSON, or a field twice")
}

/** The range that a query asks for. Throws Refusal. */
export const rangeOf = (query: URLSearchParams): Range => {
  const { before, after, limit, ...more } = Object.fromEntries(query)
  if (Object.keys(more).length > 0) throw new Refusal(400, "a parameter")
  for (const id of [before, after]) {
    if (id !== undefined && !isOrderId(id)) throw new Refusal(400, "id")
  }
  const most = Number(limit ?? 1_000)
  if (!(Number.isInteger(most) && most >= 1 && most <= 1_000)) throw new Refusal(400, "limit")
  return {
    ...(before && { before }),
    ...(after && { after }),
    ...(limit && { limit: most }),
  }
}
