/**
 * The shop: a customer's account, one button for each way in which an order can end, and the
 * order's saga, drawn from the customer's own events.
 */
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import type { OrderView } from "#shared/contracts/order-state.ts"
import { call, newKey } from "../core/api.ts"
import { useGet } from "../core/live.ts"
import { asProblem, type Problem } from "../core/problem.ts"
import { session } from "../core/session.ts"
import { Loading, Trouble } from "../parts/notices.tsx"
import { SignIn } from "../parts/sign-in.tsx"
import { Counter, type Wish } from "./shop-counter.tsx"
import { Stage } from "./shop-stage.tsx"
import { useOrderEvents } from "./shop-events.ts"

interface Account {
  readonly wallet: number
}

export const Shop = () => {
  const { value: who } = session
  return (
    <>
      <div class="headline">
        <h1 tabIndex={-1}>All of it, or nothing.</h1>
        <p>
          An order takes money, an item and a delivery slot from three services with three
          databases, and no transaction spans them. A <b>saga</b>{" "}
          reserves one after the other. When one is rejected, it undoes the others, last first.
          Place an order, and watch.
        </p>
      </div>
      <div class="shop">
        {who === undefined && <Loading />}
        {who === null && (
          <>
            <section class="panel counter" aria-label="Your account">
              <h2>Start with an account</h2>
              <p class="faint">A new customer's wallet holds 100.00.</p>
              <SignIn mayTry />
            </section>
            <Stage order={null} wallet={null} />
          </>
        )}
        {who && <Open key={who.username} username={who.username} />}
      </div>
    </>
  )
}

/** The shop of a signed-in customer. */
const Open = ({ username }: { readonly username: string }) => {
  const account = useGet<Account>(`/api/accounts/${encodeURIComponent(username)}`)
  const [placed, setPlaced] = useState<OrderView | null>(null)
  const [before, setBefore] = useState<number | null>(null)
  const [problem, setProblem] = useState<Problem | null>(null)
  const [isBusy, setBusy] = useState(false)
  const { order, problem: lost } = useOrderEvents(placed)
  const wallet = account.data?.wallet ?? null
  const isFinal = order?.status === "completed" || order?.status === "failed"
  useEffect(() => {
    if (isFinal) account.reload()
  }, [isFinal, order?.id])
  const unanswered = useRef<{ readonly wish: string; readonly key: string }>(undefined)
  const place = useCallback(async (wish: Wish) => {
    setBusy(true)
    setProblem(null)
    // A wish that is repeated after a lost answer is the same order.
    const asked = JSON.stringify(wish)
    const key = unanswered.current?.wish === asked ? unanswered.current.key : newKey()
    unanswered.current = { wish: asked, key }
    try {
      const headers = { "idempotency-key": key }
      const placed = await call<OrderView>("/api/orders/", { body: wish, headers })
      unanswered.current = undefined
      setBefore(wallet)
      setPlaced(placed)
    } catch (error) {
      setProblem(asProblem(error))
    }
    setBusy(false)
  }, [wallet])
  return (
    <>
      <section class="panel counter" aria-label="Your account and your order">
        <Trouble problem={account.problem} />
        <Counter username={username} wallet={wallet} place={place} isBusy={isBusy} />
        <Trouble problem={problem} />
      </section>
      <Stage
        key={placed?.id ?? "none"}
        order={order}
        wallet={isFinal && before !== null && wallet !== null ? { before, after: wallet } : null}
        problem={lost}
      />
    </>
  )
}
