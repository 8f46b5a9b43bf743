/** An id that can be copied with a click. */
import { useEffect, useState } from "preact/hooks"
import { announce } from "./announced.tsx"

/** The fallback is for plain HTTP from another machine, where browsers offer no clipboard. */
const copy = async (text: string) => {
  if (navigator.clipboard) return await navigator.clipboard.writeText(text)
  const field = document.createElement("textarea")
  field.value = text
  document.body.append(field)
  field.select()
  document.execCommand("copy")
  field.remove()
}

const shownForMs = 1500

/** `shown` replaces the id on the page. */
export const Id = (
  { id, what = "id", shown = id }: {
    readonly id: string
    readonly what?: string
    readonly shown?: string
  },
) => {
  const [copied, setCopied] = useState(false)
  useEffect(() => {
    if (!copied) return
    const timer = setTimeout(() => setCopied(false), shownForMs)
    return () => clearTimeout(timer)
  }, [copied])
  const onClick = async () => {
    await copy(id)
    setCopied(true)
    announce(`The ${what} is copied.`)
  }
  return (
    <button
      type="button"
      class="id"
      title={`Copy ${id}`}
      aria-label={`Copy the ${what} ${id}`}
      onClick={onClick}
    >
      <code>{shown}</code>
      <CopyMark done={copied} />
    </button>
  )
}

/** Drawn, since few fonts have a sign for it. */
const CopyMark = ({ done }: { readonly done: boolean }) => (
  <svg class="id-mark" width="12" height="12" viewBox="0 0 12 12" aria-hidden="true">
    <path d={done ? "M2 6.500 5 9.500 10.500 2.500" : "M1 4h6.500v7H1zM4 4V1h7v7.500H7.500"} />
  </svg>
)

/** The end of an id. Ids begin with the time, so their ends distinguish them. */
export const endOf = (id: string): string => `…${id.slice(-8)}`
