/** What must hold whatever is broken, as it is right now. */
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
    return { tone: "bad", word: "A promise is broken", says: "Health has what the audit found." }
  }
  if (services.some(({ faults }) => faults !== null && areSet(faults))) {
    return {
      tone: "undo",
      word: "Broken on purpose",
      says: "Orders may wait. None is lost, and none half done.",
    }
  }
  if (promises.every(({ holds }) => holds === true)) {
    return { tone: "good", word: "Whole", says: "All orders are final, and all promises hold." }
  }
  return {
    tone: "open",
    word: unfinished === 0 ? "Not audited yet" : "Coming out whole",
    says: unfinished === 0
      ? "All orders are final. The audit is still to say the rest."
      : "What is unfinished goes on by itself.",
  }
}

export const Promises = ({ shown }: { readonly shown: FaultsShown }) => {
  const { tone, word, says } = verdictOf(shown)
  const { promises, unfinished, auditedAt } = shown
  return (
    <section class="panel promises" aria-label="What must hold">
      <h2>What must hold</h2>
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
        All was audited: <MaybeTime at={auditedAt} none="not yet" />
      </p>
    </section>
  )
}

const OnePromise = ({ promise: { promise, holds, broken, checked } }: {
  readonly promise: Promised
}) => (
  <li>
    {holds === null
      ? <Badge tone="open">to be seen</Badge>
      : holds
      ? <Badge tone="good">holds</Badge>
      : <Badge tone="bad">broken</Badge>}
    <p>{promise}</p>
    {checked !== null && checked > 0 && (
      <p class="faint">
        {broken === 0 ? `None of ${checked} breaks it` : `${broken} of ${checked} break it`}
      </p>
    )}
  </li>
)
