/** The steps of an order, and what participants have on record of it. */
import { orderSaga } from "#shared/contracts/order-saga.ts"
import type { OneOrder } from "#shared/contracts/console-orders.ts"
import type { WholeOrder } from "#shared/contracts/order-search.ts"
import type { RunningSaga } from "#shared/contracts/saga.ts"
import { type Message, sequenceOf } from "../../sequence.ts"
import { answerWords, durationWords, requestWords, wantOf } from "../../words.ts"
import { Badge } from "../parts/status.tsx"
import { Time } from "../parts/time.tsx"

/** One row for each message; those that undo are marked. */
export const Steps = (
  { order, saga }: { readonly order: WholeOrder; readonly saga: RunningSaga | null },
) => (
  <div class="scroll" tabIndex={0} role="region" aria-label="The steps of the order">
    <table>
      <thead>
        <tr>
          <th scope="col">Direction</th>
          <th scope="col">Request</th>
          <th scope="col">To</th>
          <th scope="col">Answer</th>
          <th scope="col" class="number">Attempts</th>
          <th scope="col" class="number">Duration</th>
          <th scope="col">Answered</th>
          <th scope="col">Last error</th>
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
            {" (next attempt "}
            <Time at={nextAttemptAt} />)
          </>
        )}
      </td>
    </tr>
  )
}

const tones = { reserved: "good", rejected: "bad", cancelled: "undo" } as const

/** What the participant of each of the order's steps has on record of it. */
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
                  {record === undefined ? "did not answer" : "no record, or already removed"}
                </span>
              )}
          </dd>
        </>
      )
    })}
  </dl>
)
