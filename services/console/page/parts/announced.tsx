/** Announces the result of an action, on the page and to screen readers. */
import { signal } from "@preact/signals"

interface Note {
  readonly text: string
  readonly tone: "plain" | "good" | "bad"
}

const note = signal<Note | null>(null)
let timer: ReturnType<typeof setTimeout> | undefined

const shownForMs = 6000

/** Shows the text for six seconds. */
export const announce = (text: string, tone: Note["tone"] = "plain"): void => {
  clearTimeout(timer)
  note.value = { text, tone }
  timer = setTimeout(() => note.value = null, shownForMs)
}

export const Announced = () => (
  <div class="announced" role="status" aria-live="polite">
    {note.value && <p class={`note ${note.value.tone}`}>{note.value.text}</p>}
  </div>
)
