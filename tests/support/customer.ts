/**
 * A customer of a running system, over its public API: signs up, logs in, and places orders as a
 * careful client does, with an idempotency key for each, retrying with the same key until an answer
 * comes.
 */
import { randomUUID } from "node:crypto"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { patienceMs } from "./patience.ts"

export interface Wish {
  readonly amount: number
  readonly item: number
  readonly slot: string
  /** If the saga has a courier. */
  readonly district?: string
}

export interface Customer {
  readonly username: string
  /** The headers of its requests: JSON, and its access token. */
  readonly headers: Readonly<Record<string, string>>
  /**
   * One attempt. Resolves with the order's id if it was acknowledged, and with undefined if that is
   * unknown.
   */
  readonly tryToPlace: (wish: Wish, key: string) => Promise<string | undefined>
  /** The plain answer to one order. */
  readonly post: (baseUrl: string, wish: Wish, key: string) => Promise<Response>
  readonly order: (baseUrl: string, id: string) => Promise<OrderDetails>
  readonly cancel: (baseUrl: string, id: string) => Promise<Response>
}

const json = { "content-type": "application/json" }

/** Signs up a new user and logs in; the token stays valid when the system is restarted. */
export const newCustomer = async (address: () => string): Promise<Customer> => {
  const username = `customer-${randomUUID()}`
  const password = randomUUID()
  const send = async (path: string, body: unknown) => {
    const response = await fetch(address() + path, {
      method: "POST",
      headers: json,
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return await response.json()
  }
  await send("/api/auth/users/", { username, password, email: `${username}@example.com` })
  const { access } = await send("/api/token/", { username, password }) as { access: string }
  const headers = { ...json, authorization: `Bearer ${access}` }
  const post = (baseUrl: string, wish: Wish, key: string) =>
    fetch(`${baseUrl}/api/orders/`, {
      method: "POST",
      headers: { ...headers, "idempotency-key": key },
      body: JSON.stringify(wish),
      signal: AbortSignal.timeout(patienceMs),
    })
  return {
    username,
    headers,
    post,
    order: async (baseUrl, id) => {
      const response = await fetch(`${baseUrl}/api/orders/${id}`, { headers })
      return await response.json() as OrderDetails
    },
    cancel: (baseUrl, id) =>
      fetch(`${baseUrl}/api/orders/${id}/cancel`, { method: "POST", headers }),
    tryToPlace: async (wish, key) => {
      const answer = await post(address(), wish, key).then(
        async (response) => ({ status: response.status, text: await response.text() }),
        // Refused or cut off: whether the order was stored is unknown.
        () => undefined,
      )
      if (answer === undefined || answer.status === 503) return undefined
      if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`)
      return (JSON.parse(answer.text) as { id: string }).id
    },
  }
}

/**
 * A wish of every kind, by its number: most can be fulfilled, the others fail at each of the three
 * steps.
 */
export const wishOf = (n: number): Wish => ({
  amount: n % 10 === 1 ? 1_000_000 : 1 + n % 3,
  item: n % 10 === 2 ? 15 : 1 + n % 10,
  slot: n % 10 === 3 ? "19:00" : `0${n % 10}:00`,
})

/** Runs the work for each number below `count`, `atOnce` at a time. */
export const inParallel = async (
  count: number,
  atOnce: number,
  work: (n: number) => Promise<void>,
) => {
  let next = 0
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < count) await work(next++)
  }))
}

/** Asks every tenth of a second until the answer is yes. Rejects after the given time. */
export const until = async (what: string, withinMs: number, ask: () => Promise<boolean>) => {
  const deadline = Date.now() + withinMs
  while (!await ask()) {
    if (Date.now() > deadline) throw new Error(`Within ${withinMs} ms it did not happen: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}
