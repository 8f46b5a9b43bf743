/** An action of an operator: what it does, the reason, and the result. */
import type { ComponentChildren } from "preact"
import { useEffect, useId, useRef, useState } from "preact/hooks"
import { asProblem, type Problem } from "../core/problem.ts"
import { announce } from "./announced.tsx"
import { Trouble } from "./notices.tsx"

export interface ActionOptions {
  /** The text of the button, and the title of the dialog. */
  readonly label: string
  /** The object of the action, for screen readers, which read the button without its row. */
  readonly about?: string
  /** What the action will do. */
  readonly children?: ComponentChildren
  readonly danger?: boolean
  readonly disabled?: boolean
  /** The default reason. */
  readonly reason?: string
  /** Performs the action, and returns its result in words. Fails with a Problem. */
  readonly act: (reason: string, form: FormData) => Promise<string>
  /** Called after the action succeeded. */
  readonly done?: () => void
}

/** A button and the dialog that it opens. */
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
  { label, about, children, danger, reason, act, done, close }: ActionOptions & {
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
          <textarea name="reason" required maxLength={500} rows={2} defaultValue={reason ?? ""} />
          <small>The audit trail records it with your name.</small>
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
