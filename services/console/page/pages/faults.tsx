/** Breaks the system on purpose, while orders come in, and shows beside it whether what is promised holds. */
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
        <p class="faint">Break it on purpose, and watch it come out whole</p>
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
            label="Mend all"
            disabled={broken.length === 0}
            reason={mendReason}
            done={done}
            act={async (reason) => {
              await Promise.all(broken.map(({ service }) => mend(service, reason)))
              return "All services do as they should again."
            }}
          >
            <p>No fault is set any more: {broken.map(({ service }) => service).join(", ")}.</p>
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
    <h2 id="break-more">Lose what sagas run on</h2>
    <ul class="faulty">
      <li class="panel">
        <h3>An orchestrator</h3>
        <p class="faint">
          It is gone at once, as after <code>kill -9</code>, with whatever sagas it had in hand.
        </p>
        <Action
          label="Kill it"
          about="one orchestrator"
          danger
          reason="Does another one go on?"
          done={done}
          act={async (reason) => {
            await call("/api/console/orchestrator/kill", { body: { reason } })
            return "It is killed. Whatever runs it starts it again."
          }}
        >
          <p>
            Nothing is closed, finished or handed back. The decision of each order is kept by the
            orders service, so whoever takes its sagas over knows.
          </p>
        </Action>
      </li>
      <li class="panel">
        <h3>The queue</h3>
        <p class="faint">
          Redis loses all it has of orders: entries, who works on which, and dead letters.
        </p>
        <Action
          label="Wipe it"
          about="the order queue"
          danger
          reason="Are the orders put there again?"
          done={done}
          act={async (reason) => {
            const { entries, deadLetters } = await call<Wiped>("/api/console/queue/wipe", {
              body: { reason },
            })
            return `It is empty: ${entries} entries and ${deadLetters} dead letters are lost.`
          }}
        >
          <p>
            The orders themselves are in a database: those that are not final are put on the queue
            again. Dead letters are not.
          </p>
        </Action>
      </li>
    </ul>
  </section>
)
