/** An action of an operator: what it will do, the reason for it, and what came of it. */
import type { ComponentChildren } from "preact"
import { useEffect, useId, useRef, useState } from "preact/hooks"
import { asProblem, type Problem } from "../core/problem.ts"
import { announce } from "./announced.tsx"
import { Trouble } from "./notices.tsx"

export interface ActionOptions {
  /** On the button that opens it, and as its title. */
  readonly label: string
  /** What the button is about, for whoever hears it without the row that it is in. */
  readonly about?: string
  /** What it will do. */
  readonly children?: ComponentChildren
  readonly danger?: boolean
  readonly disabled?: boolean
  /** Does it, and says what it did. Fails with a Problem. */
  readonly act: (reason: string, form: FormData) => Promise<string>
  /** Told when it was done. */
  readonly done?: () => void
}

/** A button, and the dialog that it opens. */
export const Action = (options: ActionOptions) => {
  const [isOpen, setOpen] = useState(false)
  const { label, about, danger, disabled } = options
  return (
    <>
      <button
        type="button"
        class={danger ? "quiet danger" : "quiet"}
        disabled={disabled}
        {...(about && { "aria-label": `${label}: ${about}` })}
        onClick={() => setOpen(true)}
      >
        {label} …
      </button>
      {isOpen && <ActionDialog {...options} close={() => setOpen(false)} />}
    </>
  )
}

const ActionDialog = (
  { label, about, children, danger, act, done, close }: ActionOptions & {
    readonly close: () => void
  },
) => {
  const dialog = useRef<HTMLDialogElement>(null)
  const [isBusy, setBusy] = useState(false)
  const [problem, setProblem] = useState<Problem | null>(null)
  const titleId = useId()
  useEffect(() => dialog.current?.showModal(), [])
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    const form = new FormData(event.currentTarget as HTMLFormElement)
    setBusy(true)
    setProblem(null)
    try {
      const did = await act(String(form.get("reason")).trim(), form)
      dialog.current?.close()
      announce(did, "good")
      done?.()
    } catch (error) {
      setProblem(asProblem(error))
      setBusy(false)
    }
  }
  return (
    <dialog ref={dialog} aria-labelledby={titleId} onClose={close}>
      <form onSubmit={submit}>
        <h2 id={titleId}>{label}</h2>
        {about && <p class="faint">{about}</p>}
        {children}
        <label>
          Reason
          <textarea name="reason" required maxLength={500} rows={2} />
          <small>It is kept in the audit trail, with your name.</small>
        </label>
        <Trouble problem={problem} />
        <div class="buttons">
          <button type="button" class="quiet" onClick={() => dialog.current?.close()}>Back</button>
          <button type="submit" class={danger ? "danger" : ""} disabled={isBusy}>
            {isBusy ? "Working …" : label}
          </button>
        </div>
      </form>
    </dialog>
  )
}
