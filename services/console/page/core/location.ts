/** The page's address as a signal, and navigation without a reload. */
import { signal } from "@preact/signals"

export const here = signal(new URL(location.href))

addEventListener("popstate", () => here.value = new URL(location.href))

/** Goes to a path of the page; `replace` replaces the entry in the browser's history. */
export const go = (path: string, { replace = false } = {}): void => {
  history[replace ? "replaceState" : "pushState"](null, "", path)
  const before = here.value.pathname
  here.value = new URL(location.href)
  if (before === here.value.pathname) return
  scrollTo(0, 0)
  // Screen readers then read the new heading.
  requestAnimationFrame(() => document.querySelector<HTMLElement>("h1")?.focus())
}

/** Follows links within the page, except those that open in another tab or window. */
export const followLinks = (): void =>
  document.addEventListener("click", (event) => {
    const link = (event.target as Element).closest?.("a")
    const elsewhere = event.ctrlKey || event.metaKey || event.shiftKey || event.button !== 0
    if (!link || elsewhere || event.defaultPrevented || link.target !== "") return
    const url = new URL(link.href)
    if (url.origin !== location.origin || !/^\/console(\/|$)/.test(url.pathname)) return
    event.preventDefault()
    go(url.pathname + url.search)
  })
