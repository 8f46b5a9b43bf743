/**
 * Settings of the orchestrator that the audit on the command line also reads: the addresses of the
 * other services, and the deadline.
 */
import { Duration, Schema } from "effect"
import { addressesIn, addressSettingsOf } from "#shared/config/addresses.ts"
import { duration, type Values } from "#shared/config/settings.ts"

export const addressSettings = addressSettingsOf("orchestrator")

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
export const urlsOf = (settings: Values<typeof addressSettings>) =>
  addressesIn("orchestrator", settings)
