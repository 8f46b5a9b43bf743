/** The dead letters: their cause and payload, and the actions on them. */
import { useState } from "preact/hooks"
import type { DeadLetterView, LetterPage } from "#shared/contracts/queue.ts"
import { withQuery } from "../core/api.ts"
import { overview, useGet, useSlowly } from "../core/live.ts"
import { Action } from "../parts/action.tsx"
import { Id } from "../parts/copied.tsx"
import { Empty, Loading, Trouble } from "../parts/notices.tsx"
import { OrderLink } from "../parts/order-link.tsx"
import { Pager, usePaging } from "../parts/pages-of.tsx"
import { Badge } from "../parts/status.tsx"
import { Time } from "../parts/time.tsx"
import { discard, redrive } from "./letter-actions.ts"

const perPage = 50
const everyMs = 2000

export const DeadLetters = () => {
  const paging = usePaging("")
  const { value: seen } = overview
  // The number of letters would not do as a version: one can arrive as another goes.
  const lookedAt = useSlowly(seen?.at, everyMs)
  const { data, problem, reload } = useGet<typeof LetterPage.Type>(
    withQuery("/api/console/dead-letters", { after: paging.after, limit: perPage }),
    lookedAt,
  )
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  // Leaves out letters that are gone.
  const letters = data?.letters.filter(({ id }) => chosen.has(id)) ?? []
  const toggle = (id: string) => {
    const others = [...chosen].filter((each) => each !== id)
    setChosen(new Set(chosen.has(id) ? others : [...others, id]))
  }
  const done = () => {
    setChosen(new Set())
    reload()
  }
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Dead letters</h1>
        {seen?.queue && <p class="faint">{seen.queue.deadLetters} in total</p>}
      </div>
      <Trouble problem={problem} />
      {!data && !problem && <Loading />}
      {data?.letters.length === 0 && (
        <Empty title="No dead letters">
          A message of the order queue becomes a dead letter when it cannot be read, or when a
          service refuses its order's request as invalid. Other orders do not wait for it. Its order
          is put on the queue again by itself, or by a redrive.
        </Empty>
      )}
      {data && data.letters.length > 0 && (
        <>
          <Chosen letters={letters} all={data.letters} choose={setChosen} done={done} />
          <ul class="letters">
            {data.letters.map((letter) => (
              <Letter
                key={letter.id}
                letter={letter}
                isChosen={chosen.has(letter.id)}
                toggle={() => toggle(letter.id)}
              />
            ))}
          </ul>
        </>
      )}
      {data && <Pager paging={paging} next={data.next} order="oldest first" />}
    </>
  )
}

interface ChosenOptions {
  readonly letters: ReadonlyArray<DeadLetterView>
  readonly all: ReadonlyArray<DeadLetterView>
  readonly choose: (ids: ReadonlySet<string>) => void
  readonly done: () => void
}

const Chosen = ({ letters, all, choose, done }: ChosenOptions) => {
  const ids = letters.map(({ id }) => id)
  const unreadable = letters.filter((letter) => letter.unreadable !== null).length
  const about = `${ids.length} selected`
  return (
    <div class="buttons start bar">
      <label class="check">
        <input
          type="checkbox"
          checked={ids.length === all.length}
          onChange={(event) =>
            choose(new Set(event.currentTarget.checked ? all.map(({ id }) => id) : []))}
        />
        All on this page
      </label>
      <span class="faint">{about}</span>
      <Action
        label="Redrive"
        about={about}
        disabled={ids.length === unreadable}
        act={(reason) => redrive(ids, reason)}
        done={done}
      >
        <p>
          Puts the orders of these letters back on the queue.
          {unreadable > 0 && ` Letters that cannot be read stay here: ${unreadable}.`}
        </p>
      </Action>
      <Action
        label="Discard"
        about={about}
        danger
        disabled={ids.length === 0}
        act={(reason) => discard(ids, reason)}
        done={done}
      >
        <p>Removes these letters for good. Their orders are not lost: they are in the database.</p>
      </Action>
    </div>
  )
}

interface LetterOptions {
  readonly letter: DeadLetterView
  readonly isChosen: boolean
  readonly toggle: () => void
}

const Letter = ({ letter, isChosen, toggle }: LetterOptions) => {
  const { id, orderId, cause, count, buriedAt, payload, unreadable } = letter
  return (
    <li class="panel">
      <label class="check">
        <input type="checkbox" checked={isChosen} onChange={toggle} />
        <span class="hidden">Select letter {id}</span>
      </label>
      <div>
        <p class="cause">{cause}</p>
        {unreadable !== null && (
          <p>
            <Badge tone="bad">Unreadable: can only be discarded</Badge>
            {unreadable !== cause && ` ${unreadable}`}
          </p>
        )}
        <p class="faint">
          <Time at={buriedAt} />
          {" · "}
          {count === 1 ? "failed once" : `failed ${count} times`}
          {" · "}
          {orderId === null ? "order unknown" : (
            <>
              order <OrderLink id={orderId} />
            </>
          )}
          {" · "}
          <Id id={id} what="letter's id" />
        </p>
        <details>
          <summary>Payload</summary>
          <dl class="pairs payload">
            {pairs(payload).map(([name, value], n) => (
              <>
                <dt key={`${n} name`}>{name}</dt>
                <dd key={n}>
                  <code>{value}</code>
                </dd>
              </>
            ))}
          </dl>
        </details>
      </div>
    </li>
  )
}

const pairs = (payload: ReadonlyArray<string>): ReadonlyArray<readonly [string, string]> =>
  Array.from(
    { length: Math.ceil(payload.length / 2) },
    (_, n) => [payload[2 * n] ?? "", payload[2 * n + 1] ?? ""] as const,
  )
