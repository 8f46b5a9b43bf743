/** Whether operators can set faults: the routes for it exist only where FAULTS=1. */
import { effect, signal } from "@preact/signals"
import { call } from "./api.ts"
import { asProblem } from "./problem.ts"
import { session } from "./session.ts"

export const faultsPath = "/api/console/faults"

/** Undefined while unknown, and while no operator is signed in. */
export const mayBreak = signal<boolean | undefined>(undefined)

const againAfterMs = 5_000

/** Asks when an operator signs in, and retries until there is an answer. */
export const startAskingForFaults = (): void => {
  effect(() => {
    mayBreak.value = undefined
    if (!session.value?.operator) return
    const ending = new AbortController()
    let timer: ReturnType<typeof setTimeout> | undefined
    const ask = async () => {
      try {
        await call(faultsPath, { signal: ending.signal })
        mayBreak.value = true
      } catch (error) {
        if (ending.signal.aborted) return
        const { status } = asProblem(error)
        if (status === 404) mayBreak.value = false
        else timer = setTimeout(() => void ask(), againAfterMs)
      }
    }
    void ask()
    return () => {
      ending.abort()
      clearTimeout(timer)
    }
  })
}
