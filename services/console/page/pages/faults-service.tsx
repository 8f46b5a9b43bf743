/** The faults of one service: which are set, how many requests met them, and how to change them. */
import { useState } from "preact/hooks"
import type {
  FaultName,
  FaultState,
  FaultsWanted,
  FaultyService,
} from "#shared/contracts/faults.ts"
import { durationWords } from "../../words.ts"
import { call } from "../core/api.ts"
import { faultsPath } from "../core/faults.ts"
import { Action } from "../parts/action.tsx"
import { Badge } from "../parts/status.tsx"
import { Time } from "../parts/time.tsx"

type Values = Readonly<Record<FaultName, number>>

interface Field {
  readonly name: FaultName
  readonly label: string
  readonly says: string
  readonly most: number
  /** The fault in words. */
  readonly words: (value: number) => string
  readonly met: keyof FaultState["met"]
}

/** In the order in which a request meets them. */
const fields: ReadonlyArray<Field> = [
  {
    name: "refusePercent",
    label: "Refuse, %",
    says: "503, and nothing was done.",
    most: 100,
    words: (percent) => `${percent} % are refused`,
    met: "refused",
  },
  {
    name: "delayMs",
    label: "Delay, ms",
    says: "The request starts later by this time.",
    most: 60_000,
    words: (ms) => `delayed by ${durationWords(ms)}`,
    met: "delayed",
  },
  {
    name: "hangPercent",
    label: "Hang, %",
    says: "No answer, and nothing was done.",
    most: 100,
    words: (percent) => `${percent} % hang`,
    met: "hung",
  },
  {
    name: "dropPercent",
    label: "Drop answers, %",
    says: "The request takes effect, but its answer is lost.",
    most: 100,
    words: (percent) => `${percent} % lose their answer`,
    met: "dropped",
  },
]

const none: Values = { refusePercent: 0, delayMs: 0, hangPercent: 0, dropPercent: 0 }

/** Sets of faults to choose with one click. */
const presets: ReadonlyArray<readonly [title: string, values: Values]> = [
  ["Flaky", { ...none, refusePercent: 30 }],
  ["Slow", { ...none, delayMs: 1_500 }],
  ["Hanging", { ...none, hangPercent: 20 }],
  ["Lost answers", { ...none, dropPercent: 40 }],
  ["Down", { ...none, refusePercent: 100 }],
  ["All at once", { refusePercent: 20, delayMs: 300, hangPercent: 5, dropPercent: 20 }],
]

const usualSeconds = 60

export const areSet = ({ until }: FaultState): boolean => until !== null

const set = (service: FaultyService, wanted: Partial<FaultsWanted> & { readonly reason: string }) =>
  call<FaultState>(`${faultsPath}/${service}`, { body: wanted })

export const mendReason = "The experiment is over"
export const mend = (service: FaultyService, reason: string) => set(service, { reason })

interface ServiceFaultsOptions {
  readonly service: FaultyService
  /** Null while the service does not answer. */
  readonly faults: FaultState | null
  readonly done: () => void
}

export const ServiceFaults = ({ service, faults, done }: ServiceFaultsOptions) => (
  <>
    <div class="faulty-head">
      <h3>{service}</h3>
      {faults === null
        ? <Badge tone="open">unknown</Badge>
        : areSet(faults)
        ? <Badge tone="bad">faults are set</Badge>
        : <Badge tone="good">no faults</Badge>}
    </div>
    <Set faults={faults} />
    {faults && <Met faults={faults} />}
    <div class="buttons start">
      <Action
        label={faults !== null && areSet(faults) ? "Change faults" : "Set faults"}
        about={service}
        danger
        reason="Is every order still completed or undone?"
        done={done}
        act={async (reason, form) => {
          const values = Object.fromEntries(
            [...fields.map(({ name }) => name), "seconds"].map((
              name,
            ) => [name, Number(form.get(name))]),
          )
          const now = await set(service, { ...values, reason })
          return areSet(now) ? `Faults are set: ${service}.` : `No faults are set: ${service}.`
        }}
      >
        <Wanted faults={faults} />
      </Action>
      {faults !== null && areSet(faults) && (
        <Action
          label="Clear faults"
          about={service}
          reason={mendReason}
          done={done}
          act={async (reason) => {
            await mend(service, reason)
            return `Faults are cleared: ${service}.`
          }}
        />
      )}
    </div>
  </>
)

const Set = ({ faults }: Pick<ServiceFaultsOptions, "faults">) => {
  if (faults === null) return <p class="faint">The service does not answer.</p>
  if (!areSet(faults)) return <p class="faint">Requests of sagas are answered normally.</p>
  return (
    <p>
      {fields.filter(({ name }) => faults[name] > 0).map(({ name, words }) => words(faults[name]))
        .join(", ")}.{" "}
      <span class="faint">
        Ends <Time at={faults.until!} />.
      </span>
    </p>
  )
}

const Met = ({ faults: { met } }: { readonly faults: FaultState }) => (
  <dl class="met" title="Requests since the service started">
    {fields.map(({ met: name }) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{met[name]}</dd>
      </div>
    ))}
  </dl>
)

/** The fields of the dialog. */
const Wanted = ({ faults }: Pick<ServiceFaultsOptions, "faults">) => {
  const [values, setValues] = useState<Readonly<Record<FaultName, number | string>>>(
    faults !== null && areSet(faults) ? faults : presets[0]![1],
  )
  return (
    <>
      <p>
        These faults apply to the requests of sagas to this service. A request meets them in this
        order.
      </p>
      <div class="presets" role="group" aria-label="Presets">
        {presets.map(([title, preset]) => (
          <button
            key={title}
            type="button"
            class="quiet"
            onClick={() => setValues(preset)}
          >
            {title}
          </button>
        ))}
      </div>
      <div class="fault-fields">
        {fields.map(({ name, label, says, most }) => (
          <label key={name}>
            {label}
            <input
              name={name}
              type="number"
              required
              min={0}
              max={most}
              step={1}
              value={values[name]}
              onInput={({ currentTarget: { value } }) =>
                setValues((values) => ({ ...values, [name]: value }))}
            />
            <small>{says}</small>
          </label>
        ))}
        <label>
          Duration, seconds
          <input
            name="seconds"
            type="number"
            required
            min={1}
            max={3_600}
            defaultValue={usualSeconds}
          />
          <small>Then the faults end by themselves.</small>
        </label>
      </div>
    </>
  )
}
