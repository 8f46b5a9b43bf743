/**
 * The order form: one button for each of the four ways in which an order can end, or an order of
 * the customer's own.
 */
import { money } from "../../words.ts"

export interface Wish {
  readonly amount: number
  readonly item: number
  readonly slot: string
}

interface Way {
  readonly title: string
  readonly why: string
  readonly wish: (wallet: number) => Wish
}

const price = 5

/** Picks among the ten items and slots of a new system, so that none is soon sold out. */
const anyOfTen = () => Math.floor(Math.random() * 10)
const someItem = () => 1 + anyOfTen()
const someSlot = () => `0${anyOfTen()}:00`

const ways: ReadonlyArray<Way> = [
  {
    title: "Completed",
    why: "All three services accept",
    wish: () => ({ amount: price, item: someItem(), slot: someSlot() }),
  },
  {
    title: "No money",
    why: "10.00 more than the wallet holds",
    wish: (wallet) => ({ amount: wallet + 10, item: someItem(), slot: someSlot() }),
  },
  {
    title: "No item",
    why: "There is no item 15",
    wish: () => ({ amount: price, item: 15, slot: someSlot() }),
  },
  {
    title: "No slot",
    why: "There is no slot 19:00",
    wish: () => ({ amount: price, item: someItem(), slot: "19:00" }),
  },
]

interface CounterOptions {
  readonly username: string
  /** Null while unknown. */
  readonly wallet: number | null
  readonly isBusy: boolean
  readonly place: (wish: Wish) => void
}

export const Counter = ({ username, wallet, isBusy, place }: CounterOptions) => (
  <>
    <p class="wallet">
      <span>{username}'s wallet</span>
      <b>{wallet === null ? "…" : money(wallet)}</b>
    </p>
    <h2>How should the order end?</h2>
    <div class="ways-to-end">
      {ways.map(({ title, why, wish }) => (
        <button
          key={title}
          type="button"
          class="way"
          disabled={isBusy || wallet === null}
          onClick={() => place(wish(wallet ?? 0))}
        >
          <b>{title}</b>
          <small>{why}</small>
        </button>
      ))}
    </div>
    {wallet !== null && wallet < price && (
      <p class="faint">
        The wallet holds too little for another completed order. Sign out, and start as a new
        customer.
      </p>
    )}
    <details>
      <summary>An order of your own</summary>
      <OwnOrder isBusy={isBusy} place={place} />
    </details>
  </>
)

const OwnOrder = ({ isBusy, place }: Pick<CounterOptions, "isBusy" | "place">) => {
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    place({
      amount: Number(form.get("amount")),
      item: Number(form.get("item")),
      slot: String(form.get("slot")),
    })
  }
  return (
    <form class="own-order" onSubmit={submit}>
      <label>
        Amount
        <input
          name="amount"
          type="number"
          min="0.01"
          step="0.01"
          max="1000000000"
          required
          value="12.5"
        />
      </label>
      <label>
        Item
        <input name="item" type="number" min="1" max="2147483647" required value="1" />
      </label>
      <label>
        Slot
        <input name="slot" type="time" required value="09:00" />
      </label>
      <button type="submit" disabled={isBusy}>Place the order</button>
    </form>
  )
}
