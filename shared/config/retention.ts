/**
 * How long the system remembers: outcomes and tombstones, idempotency keys, dead letters. The same
 * in all services.
 */
import { Duration, Schema } from "effect"
import { duration } from "./settings.ts"

const retention = duration(
  'how long outcomes, idempotency keys and dead letters are remembered, at least "1 day"',
  "30 days",
)

export const retentionSetting = {
  RETENTION: {
    ...retention,
    schema: retention.schema.check(
      Schema.makeFilter((value) => Duration.isGreaterThanOrEqualTo(value, Duration.days(1))),
    ),
  },
}
