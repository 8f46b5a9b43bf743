/** Light or dark: the system's preference, unless the user chooses. */
import { effect, signal } from "@preact/signals"

export const themes = ["auto", "light", "dark"] as const
export type Theme = (typeof themes)[number]

const key = "unwind-theme"
const stored = localStorage.getItem(key) as Theme | null

export const theme = signal<Theme>(stored !== null && themes.includes(stored) ? stored : "auto")

/**
 * Counts the changes between light and dark. Canvases repaint on it, since styles do not reach
 * them.
 */
export const repaint = signal(0)

export const startTheme = (): void => {
  effect(() => {
    const { value } = theme
    if (value === "auto") {
      delete document.documentElement.dataset["theme"]
      localStorage.removeItem(key)
    } else {
      document.documentElement.dataset["theme"] = value
      localStorage.setItem(key, value)
    }
    repaint.value = repaint.peek() + 1
  })
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => repaint.value++)
}
