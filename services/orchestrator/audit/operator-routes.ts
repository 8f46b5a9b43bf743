/** What the console reads of the audit, and how operators heal. */
import { Effect } from "effect"
import { AuditState, HealRequest, HealResponse } from "#shared/contracts/audit.ts"
import { route } from "#shared/http/route.ts"
import { operatorDid } from "../operator-did.ts"
import { Healing } from "./healing.ts"
import { LastAudit } from "./last-audit.ts"

const maxBytes = 16 * 1024

export const auditOperatorRoutes = Effect.gen(function* () {
  const { state } = yield* LastAudit
  const { heal } = yield* Healing
  return yield* Effect.all([
    route({
      method: "GET",
      path: "/internal/audit",
      summary: "What the last full audit found, and which services could not be reached",
      answer: { status: 200, description: "The verdict and the findings", schema: AuditState },
      handle: () => Effect.map(state, (body) => ({ body })),
    }),
    route({
      method: "POST",
      path: "/internal/audit/heal",
      summary: "Audit everything, and give back what is held for failed or unknown orders",
      body: { schema: HealRequest, maxBytes },
      answer: { status: 200, description: "What was found and healed", schema: HealResponse },
      handle: Effect.fnUntraced(function* ({ body: { reason, dryRun = false }, caller }) {
        const body = yield* heal({ dryRun })
        const { findings: _, ...sums } = body
        if (!dryRun) yield* operatorDid("heal", caller.username, reason, sums)
        return { body }
      }),
    }),
  ])
})
