/** An order's steps, each with what it took, and what participants have on record of it. */
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import type { WholeOrder } from "#shared/contracts/order-search.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"
import { type Message, sequenceOf } from "../../sequence.ts"
import { answerWords, durationWords, requestWords, wantOf } from "../../words.ts"
import { Badge } from "../parts/status.tsx"
import { Time } from "../parts/time.tsx"

/** Each message a row; those that undo are marked. */
export const Steps = (
  { order, saga }: { readonly order: WholeOrder; readonly saga: RunningSaga | null },
) => (
  <div class="scroll" tabIndex={0} role="region" aria-label="The steps of the order">
    <table>
      <thead>
        <tr>
          <th scope="col">Way</th>
          <th scope="col">Asked</th>
          <th scope="col">Of</th>
          <th scope="col">Answer</th>
          <th scope="col" class="number">Attempts</th>
          <th scope="col" class="number">Took</th>
          <th scope="col">When</th>
          <th scope="col">Last failure</th>
        </tr>
      </thead>
      <tbody>
        {sequenceOf(order, saga).map((message, n) => (
          <StepRow key={n} message={message} order={order} />
        ))}
      </tbody>
    </table>
  </div>
)

const undoes = ({ kind }: Message) => kind === "cancel" || kind === "settle" || kind === "abort"

const StepRow = ({ message, order }: { readonly message: Message; readonly order: WholeOrder }) => {
  const { to, attempts, durationMs, at, cause, nextAttemptAt, kind } = message
  return (
    <tr class={undoes(message) ? "undo" : ""}>
      <td>{undoes(message) ? "↶ back" : "→ forward"}</td>
      <td>{requestWords(message, order)}</td>
      <td>{to}</td>
      <td>{answerWords(message) ?? (kind === "tell" ? "–" : "none yet")}</td>
      <td class="number">{attempts}</td>
      <td class="number">{durationMs === null ? "–" : durationWords(durationMs)}</td>
      <td>{at === null ? "–" : <Time at={at} />}</td>
      <td class="wrap">
        {cause ?? "–"}
        {nextAttemptAt && (
          <>
            {" (next try "}
            <Time at={nextAttemptAt} />)
          </>
        )}
      </td>
    </tr>
  )
}

const tones = { reserved: "good", rejected: "bad", cancelled: "undo" } as const

/** What each participant of its steps says that the order has of it. */
export const Held = ({ one, order }: { readonly one: OneOrder; readonly order: WholeOrder }) => (
  <dl class="pairs">
    {orderSaga.filter(({ step }) => order.steps.includes(step)).map(({ step, at }) => {
      const record = one.records.find(({ participant }) => participant === at)
      return (
        <>
          <dt key={at}>{at}</dt>
          <dd key={`${at} says`}>
            {record?.recorded
              ? (
                <>
                  <Badge tone={tones[record.recorded.outcome]}>{record.recorded.outcome}</Badge>
                  {" "}
                  {wantOf(step, order)}
                </>
              )
              : (
                <span class="faint">
                  {record === undefined ? "could not be asked" : "nothing, or forgotten by now"}
                </span>
              )}
          </dd>
        </>
      )
    })}
  </dl>
)
