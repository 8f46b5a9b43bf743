/** The result of the audit, and how to heal what it found. */
import { useState } from "preact/hooks"
import type { AuditFinding, AuditState, HealResponse } from "#shared/contracts/audit.ts"
import type { Overview } from "#shared/contracts/console.ts"
import { durationWords } from "../../words.ts"
import { call } from "../core/api.ts"
import { useGet } from "../core/live.ts"
import { Action } from "../parts/action.tsx"
import { Trouble } from "../parts/notices.tsx"
import { OrderLink } from "../parts/order-link.tsx"
import { Badge, type Tone } from "../parts/status.tsx"
import { MaybeTime } from "../parts/time.tsx"

const tones: Readonly<Record<AuditState["verdict"], Tone>> = {
  sound: "good",
  findings: "bad",
  unknown: "open",
}

export const Audit = ({ verdict }: { readonly verdict: Overview["audit"] }) => {
  const { data, problem, reload } = useGet<AuditState>(
    "/api/console/audit",
    JSON.stringify([verdict?.verdict, verdict?.auditedAt, verdict?.found, verdict?.unreached]),
  )
  const isHealable = data?.findings.some(({ healable }) => healable) ?? false
  return (
    <section class="panel" aria-label="Audit">
      <div class="group-head">
        <h2>Audit</h2>
        {isHealable && (
          <Action label="Heal" act={heal} done={reload}>
            <DryRun />
          </Action>
        )}
      </div>
      <Trouble problem={problem} />
      {data && <Verdict state={data} lookedAt={verdict?.lookedAt ?? data.lookedAt} />}
      {data && data.unreached.length > 0 && (
        <p class="trouble" role="status">
          The last audit failed because some services did not answer: {namesOf(data.unreached)}
        </p>
      )}
      {data && data.findings.length > 0 && <Findings findings={data.findings} />}
    </section>
  )
}

const namesOf = (unreached: AuditState["unreached"]) =>
  unreached.map(({ service, message }) => `${service} (${message})`).join("; ")

const verdicts: Readonly<Record<AuditState["verdict"], string>> = {
  sound: "Every order holds everything it needs or nothing, and all books balance.",
  findings: "Some orders or books are wrong. See the findings below.",
  unknown: "Not everything has been audited yet.",
}

const Verdict = (
  { state, lookedAt }: { readonly state: AuditState; readonly lookedAt: string | null },
) => {
  const { verdict, auditedAt, orders, resources } = state
  return (
    <>
      <p>
        <Badge tone={tones[verdict]}>{verdict}</Badge> {verdicts[verdict]}
      </p>
      <p class="faint">
        {`Orders: ${orders.allHeld} hold everything, ${orders.noneHeld} hold nothing, ` +
          `${orders.inFlight} in flight, ${orders.inQuestion} with findings. ` +
          `Books: ${resources} resources. Full audit: `}
        <MaybeTime at={auditedAt} none="not yet" />. Newest orders audited:{" "}
        <MaybeTime
          at={lookedAt}
          none="not yet"
        />
      </p>
    </>
  )
}

const healBy = (reason: string, dryRun: boolean) =>
  call<HealResponse>("/api/console/audit/heal", { body: { reason, ...(dryRun && { dryRun }) } })

const heal = async (reason: string): Promise<string> => {
  const { finished, healable, healed } = await healBy(reason, false)
  if (!finished) return "Healing continues. The audit will show the result."
  return healable === 0 ? "There was nothing to heal." : `${healed} of ${healable} healed.`
}

/** Counts what would be healed when asked to. */
const DryRun = () => {
  const [counted, setCounted] = useState("")
  const count = async () => {
    const { healable, finished } = await healBy("A dry run: only counted", true)
    setCounted(`It would heal ${healable}${finished ? "." : " of what was audited so far."}`)
  }
  return (
    <p>
      Gives back what is held for failed orders and for orders that do not exist. A person has to
      decide about the rest.{" "}
      <button
        type="button"
        class="link"
        onClick={() => void count().catch((error) => setCounted(error.message))}
      >
        Count first
      </button>{" "}
      <span role="status">{counted}</span>
    </p>
  )
}

const Findings = ({ findings }: { readonly findings: ReadonlyArray<AuditFinding> }) => (
  <div class="scroll" tabIndex={0} role="region" aria-label="Findings of the audit">
    <table>
      <thead>
        <tr>
          <th scope="col">Finding</th>
          <th scope="col">Order</th>
          <th scope="col">Where</th>
          <th scope="col" class="number">Age</th>
          <th scope="col">Cause</th>
          <th scope="col">Remedy</th>
          <th scope="col">Can be healed</th>
        </tr>
      </thead>
      <tbody>{findings.map((finding, n) => <FindingRow key={n} finding={finding} />)}</tbody>
    </table>
  </div>
)

const FindingRow = ({ finding }: { readonly finding: AuditFinding }) => {
  const { kind, orderId, participant, resource, ageMs, cause, remedy, healable } = finding
  return (
    <tr>
      <td>{kind}</td>
      <td>
        {orderId === null ? "–" : <OrderLink id={orderId} />}
      </td>
      <td>{[participant, resource].filter(Boolean).join(" ") || "–"}</td>
      <td class="number">{ageMs === null ? "–" : durationWords(ageMs)}</td>
      <td class="wrap">{cause}</td>
      <td class="wrap">{remedy}</td>
      <td>{healable ? "yes" : "no"}</td>
    </tr>
  )
}
