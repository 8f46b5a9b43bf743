/** Breaks services on purpose while orders come in, and shows whether the promises hold. */
import type { FaultsShown } from "#shared/contracts/console-faults.ts"
import type { Wiped } from "#shared/contracts/faults.ts"
import { call } from "../core/api.ts"
import { faultsPath } from "../core/faults.ts"
import { usePolled } from "../core/live.ts"
import { Action } from "../parts/action.tsx"
import { Loading, Missing, Trouble } from "../parts/notices.tsx"
import { LoadPanel } from "./faults-load.tsx"
import { Promises } from "./faults-promises.tsx"
import { areSet, mend, mendReason, ServiceFaults } from "./faults-service.tsx"

const everyMs = 1_000

export const Faults = () => {
  const { data, problem, reload } = usePolled<FaultsShown>(faultsPath, everyMs)
  return (
    <>
      <div class="title">
        <h1 tabIndex={-1}>Faults</h1>
        <p class="faint">Break services on purpose, and watch the system recover</p>
      </div>
      <Trouble problem={problem} />
      {data && <Missing away={data.unavailable} />}
      <div class="beside faults">
        <div>
          <LoadPanel />
          {data === undefined ? !problem && <Loading /> : <Breaking shown={data} done={reload} />}
        </div>
        {data && <Promises shown={data} />}
      </div>
    </>
  )
}

interface BreakingOptions {
  readonly shown: FaultsShown
  readonly done: () => void
}

const Breaking = ({ shown, done }: BreakingOptions) => {
  const broken = shown.services.filter(({ faults }) => faults !== null && areSet(faults))
  return (
    <>
      <section aria-labelledby="break-services">
        <div class="group-head">
          <h2 id="break-services">Break a service</h2>
          <Action
            label="Clear all faults"
            disabled={broken.length === 0}
            reason={mendReason}
            done={done}
            act={async (reason) => {
              await Promise.all(broken.map(({ service }) => mend(service, reason)))
              return "All faults are cleared."
            }}
          >
            <p>Clears the faults of {broken.map(({ service }) => service).join(", ")}.</p>
          </Action>
        </div>
        <ul class="faulty">
          {shown.services.map(({ service, faults }) => (
            <li key={service} class="panel">
              <ServiceFaults service={service} faults={faults} done={done} />
            </li>
          ))}
        </ul>
      </section>
      <BreakMore done={done} />
    </>
  )
}

const BreakMore = ({ done }: Pick<BreakingOptions, "done">) => (
  <section aria-labelledby="break-more">
    <h2 id="break-more">Break what sagas depend on</h2>
    <ul class="faulty">
      <li class="panel">
        <h3>An orchestrator</h3>
        <p class="faint">
          Ends at once, as after <code>kill -9</code>, in the middle of its sagas.
        </p>
        <Action
          label="Kill"
          about="one orchestrator"
          danger
          reason="Does another orchestrator take over?"
          done={done}
          act={async (reason) => {
            await call("/api/console/orchestrator/kill", { body: { reason } })
            return "Killed. It is started again automatically."
          }}
        >
          <p>
            The orchestrator finishes nothing. Another one takes over its sagas, and reads the
            decisions that are already made from the orders service.
          </p>
        </Action>
      </li>
      <li class="panel">
        <h3>The queue</h3>
        <p class="faint">
          Redis loses everything about orders: messages, their consumers, and dead letters.
        </p>
        <Action
          label="Wipe"
          about="the order queue"
          danger
          reason="Are the orders put back on the queue?"
          done={done}
          act={async (reason) => {
            const { entries, deadLetters } = await call<Wiped>("/api/console/queue/wipe", {
              body: { reason },
            })
            return `The queue is empty: ${entries} messages and ${deadLetters} dead letters lost.`
          }}
        >
          <p>
            Orders are not lost: they are in a database, and unfinished ones are put on the queue
            again. Dead letters are lost.
          </p>
        </Action>
      </li>
    </ul>
  </section>
)
