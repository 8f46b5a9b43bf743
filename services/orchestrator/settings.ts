/** Settings of the orchestrator that the audit from the command line reads too: where the others are, and the deadline. */
import { Duration, Schema } from "effect"
import { duration, url, type Values } from "#shared/config/settings.ts"

const serviceUrl = (name: string) =>
  url(`the address of ${name}, such as http://${name}:8080`, ["http", "https"])

export const addressSettings = {
  BILLING_URL: serviceUrl("billing"),
  ITEMS_URL: serviceUrl("items"),
  SLOTS_URL: serviceUrl("slots"),
  ORDERS_URL: serviceUrl("orders"),
}

const deadline = duration(
  'how long after its creation an undecided order is aborted, at most "12 hours"',
  "2 minutes",
)

/** Less than the shortest RETENTION, after which nothing is reserved for an order any more. */
export const deadlineSetting = {
  ORDER_DEADLINE: {
    ...deadline,
    schema: deadline.schema.check(
      Schema.makeFilter((value) => Duration.isLessThanOrEqualTo(value, Duration.hours(12))),
    ),
  },
}

/** The addresses by service. */
export const urlsOf = (settings: Values<typeof addressSettings>) => ({
  billing: settings.BILLING_URL,
  items: settings.ITEMS_URL,
  slots: settings.SLOTS_URL,
  orders: settings.ORDERS_URL,
})
