/**
 * A hundred orders for one measurement: published as one batch, or sent by a customer all at once.
 */
import { firstIdAt, OrderId } from "#shared/contracts/order.ts"
import type { OrderMessage } from "#shared/contracts/order-message.ts"
import { stepsInForce } from "#shared/contracts/order-saga.ts"
import { encodeEntry } from "#shared/queue/entry.ts"
import { until } from "#tests/support/customer.ts"
import type { CountedServices } from "./counted-services.ts"

export const hundred = 100

/** Long, because these tests do not measure time. */
const patienceMs = 100_000

/** Opens the accounts of ten customers, whose orders are published without them. */
export const openAccounts = async ({ sql }: CountedServices): Promise<void> => {
  await sql.billing`
    insert into accounts (username, email, wallet)
    select 'customer-' || n, '', 100000 from generate_series(0, 9) n`
}

interface Ended {
  readonly status: string
  readonly reason: string | null
  readonly count: number
}

/**
 * Stores a hundred orders and publishes them, in one transaction: a consumer that waits for the
 * first gets all of them. Resolves with their ends, when all are final and acknowledged.
 */
export const workOff = async (
  services: CountedServices,
  slotOf: (n: number) => string,
): Promise<ReadonlyArray<Ended>> => {
  const { sql, redis } = services
  const now = new Date()
  const messages = Array.from({ length: hundred }, (_, n): OrderMessage => ({
    // Made now: participants read the age from the id.
    orderId: OrderId.make(firstIdAt(now.getTime()).slice(0, 14) + crypto.randomUUID().slice(14)),
    username: `customer-${n % 10}`,
    amountMinor: 1,
    details: { item: 1 + n % 10, slot: slotOf(n) },
    steps: stepsInForce,
    createdAtMs: now.getTime(),
    republished: 0,
  }))
  const rows = messages.map(({ orderId, username, amountMinor, details, steps }) => ({
    ...{ id: orderId, username, amount: amountMinor, details, steps },
    ...{ created_at: now, publish_at: now },
  }))
  await sql.orders`insert into orders ${sql.orders(rows)}`
  const transaction = redis.multi()
  for (const message of messages) transaction.xadd("orders", "*", ...encodeEntry(message))
  await transaction.exec()
  await allFinal(services)
  const ends = await sql.orders<Array<Ended>>`
    select status, reason, count(*)::int as count from orders
    where id in ${sql.orders(messages.map(({ orderId }) => orderId))} group by status, reason`
  return ends.map((end) => ({ ...end }))
}

const allFinal = ({ sql, metrics }: CountedServices) =>
  until("all orders are final and acknowledged", patienceMs, async () => {
    const [row] = await sql.orders<[{ count: number }]>`
      select count(*)::int as count from orders where decided_at is null`
    return row.count === 0 && /^sagas_running(\{.*\})? 0$/m.test(await metrics())
  })

const post = (app: CountedServices["apps"]["orders"], path: string, body: object, token = "") =>
  Promise.resolve(app.public.request(path, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
    body: JSON.stringify(body),
  }))

/** Signs up and logs in; returns the access token. */
export const newCustomer = async ({ apps }: CountedServices): Promise<string> => {
  const credentials = { username: "ada", password: "correct horse battery" }
  await post(apps.auth, "/api/auth/users/", { ...credentials, email: "ada@example.com" })
  const response = await post(apps.auth, "/api/token/", credentials)
  return ((await response.json()) as { access: string }).access
}

/**
 * Sends one order more than the backlog of a hundred has room for, and holds the table until that
 * one is refused: by then all others wait to be inserted, also on a slow machine. Resolves with the
 * statuses of the answers, in the order of their arrival, when all orders are final and
 * acknowledged.
 */
export const sendAtOnce = async (
  services: CountedServices,
  token: string,
): Promise<ReadonlyArray<number>> => {
  const { apps, sql } = services
  const answers: Array<number> = []
  const send = async () => {
    const order = { amount: 0.01, item: 1, slot: "09:00" }
    answers.push((await post(apps.orders, "/api/orders/", order, token)).status)
  }
  let sent: ReadonlyArray<Promise<void>> = []
  await sql.orders.begin(async (transaction) => {
    // Readers go on, and inserts wait.
    await transaction`lock table orders in share mode`
    sent = Array.from({ length: hundred + 1 }, send)
    await Promise.race(sent)
  })
  await Promise.all(sent)
  await allFinal(services)
  return answers
}
