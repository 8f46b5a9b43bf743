/** The filters of the search for orders. */
import { orderSaga } from "#shared/contracts/order-saga.ts"
import { statusWords } from "../../words.ts"

const hour = 3_600_000

/** Ages to choose from instead of a date. */
export const ageNames: Readonly<Record<string, { readonly title: string; readonly ms: number }>> = {
  "5m": { title: "5 minutes", ms: hour / 12 },
  "1h": { title: "1 hour", ms: hour },
  "24h": { title: "24 hours", ms: 24 * hour },
  "7d": { title: "7 days", ms: 7 * 24 * hour },
}

const names = ["status", "id", "username", "item", "slot", "step", "reason", "age"] as const
type Name = (typeof names)[number]

export type Question = { readonly [name in Name]?: string }

/** The filters in an address; unknown ones are left out. */
export const questionOf = (params: URLSearchParams): Question =>
  Object.fromEntries(names.flatMap((name) => {
    const value = params.get(name)?.trim()
    return value ? [[name, value]] : []
  }))

/** The reasons of the steps, the deadline and a cancel. */
const reasons = [
  ...orderSaga.map(({ refusal }) => refusal),
  "Order timed out",
  "Order cancelled",
]

interface FilterOptions {
  readonly question: Question
  readonly ask: (question: Question) => void
}

export const Filters = ({ question, ask }: FilterOptions) => {
  const submit = (event: Event) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    const given = new URLSearchParams(names.map((name) => [name, String(form.get(name) ?? "")]))
    ask(questionOf(given))
  }
  const value = (name: Name) => ({ name, defaultValue: question[name] ?? "" })
  return (
    <form class="filters" role="search" aria-label="Orders" onSubmit={submit} onChange={submit}>
      <Choice label="State" name="status" chosen={question.status} of={states} />
      <label>
        Id starts with
        <input
          {...value("id")}
          size={10}
          pattern="[0-9a-f\-]{1,36}"
          title="The beginning of an order's id"
        />
      </label>
      <label>
        Customer <input {...value("username")} size={12} maxLength={150} />
      </label>
      <label>
        Item <input {...value("item")} size={4} inputMode="numeric" pattern="[0-9]+" />
      </label>
      <label>
        Slot
        <input {...value("slot")} size={5} placeholder="09:00" pattern="[0-2][0-9]:[0-5][0-9]" />
      </label>
      <Choice
        label="Step"
        name="step"
        chosen={question.step}
        of={orderSaga.map(({ step }) => [step, step])}
      />
      <Choice
        label="Reason"
        name="reason"
        chosen={question.reason}
        of={reasons.map((reason) => [reason, reason])}
      />
      <Choice
        label="Placed within"
        name="age"
        chosen={question.age}
        of={Object.entries(ageNames).map(([name, { title }]) => [name, title])}
      />
      <button type="submit" class="quiet">Search</button>
      {Object.keys(question).length > 0 && <a href="/console/orders">Clear</a>}
    </form>
  )
}

const states: ReadonlyArray<readonly [string, string]> = [
  ...Object.entries(statusWords),
  ["stuck", "Undoing is stuck"],
]

const Choice = (
  { label, name, chosen = "", of }: {
    readonly label: string
    readonly name: Name
    readonly chosen?: string | undefined
    readonly of: ReadonlyArray<readonly [string, string]>
  },
) => (
  <label>
    {label}
    <select name={name} value={chosen}>
      <option value="">any</option>
      {of.map(([value, title]) => <option key={value} value={value}>{title}</option>)}
    </select>
  </label>
)
