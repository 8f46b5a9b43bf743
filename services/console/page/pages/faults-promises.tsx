/** The promises that must hold whatever is broken, and whether they do. */
import type { FaultsShown, Promised } from "#shared/contracts/console-faults.ts"
import { Badge, type Tone } from "../parts/status.tsx"
import { MaybeTime } from "../parts/time.tsx"
import { areSet } from "./faults-service.tsx"

interface Verdict {
  readonly tone: Tone
  readonly word: string
  readonly says: string
}

const verdictOf = ({ promises, services, unfinished }: FaultsShown): Verdict => {
  if (promises.some(({ holds }) => holds === false)) {
    return { tone: "bad", word: "A promise is broken", says: "See the audit's findings on Health." }
  }
  if (services.some(({ faults }) => faults !== null && areSet(faults))) {
    return {
      tone: "undo",
      word: "Faults are set",
      says: "Orders may have to wait. None is lost or left half done.",
    }
  }
  if (promises.every(({ holds }) => holds === true)) {
    return { tone: "good", word: "All promises hold", says: "All orders are final." }
  }
  return {
    tone: "open",
    word: unfinished === 0 ? "Not audited yet" : "Recovering",
    says: unfinished === 0
      ? "All orders are final. The next audit checks the other promises."
      : "Unfinished orders continue by themselves.",
  }
}

export const Promises = ({ shown }: { readonly shown: FaultsShown }) => {
  const { tone, word, says } = verdictOf(shown)
  const { promises, unfinished, auditedAt } = shown
  return (
    <section class="panel promises" aria-label="Promises">
      <h2>Promises</h2>
      <div role="status">
        <Badge tone={tone}>{word}</Badge>
        <p class="faint">{says}</p>
      </div>
      <p class="unfinished">
        <b>{unfinished ?? "–"}</b> {unfinished === 1 ? "order is" : "orders are"}{" "}
        <a href="/console/orders?status=pending">unfinished</a>
      </p>
      <ul>
        {promises.map((promise) => <OnePromise key={promise.id} promise={promise} />)}
      </ul>
      <p class="faint">
        Last full audit: <MaybeTime at={auditedAt} none="none yet" />
      </p>
    </section>
  )
}

const OnePromise = ({ promise: { promise, holds, broken, checked } }: {
  readonly promise: Promised
}) => (
  <li>
    {holds === null
      ? <Badge tone="open">not known yet</Badge>
      : holds
      ? <Badge tone="good">holds</Badge>
      : <Badge tone="bad">broken</Badge>}
    <p>{promise}</p>
    {checked !== null && checked > 0 && (
      <p class="faint">
        {broken === 0 ? `Checked: ${checked}` : `Broken by ${broken} of ${checked}`}
      </p>
    )}
  </li>
)
