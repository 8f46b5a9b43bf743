/** What the page shows, kept true while it is looked at. */
import { effect, signal } from "@preact/signals"
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import type { Overview } from "#shared/contracts/console.ts"
import { call } from "./api.ts"
import { listen } from "./events.ts"
import { asProblem, Problem } from "./problem.ts"
import { session } from "./session.ts"

export interface Loaded<A> {
  /** The newest that came; undefined until something has. */
  readonly data: A | undefined
  /** Why there is nothing newer; null when there is nothing wrong. */
  readonly problem: Problem | null
  readonly reload: () => void
}

/** How long a service that is away is left alone. */
const againMs = 3_000

/** What asking again may mend: no answer, too many questions, a service that is away. */
const mayPass = ({ status }: Problem) => status === 0 || status === 429 || status >= 500

/**
 * What a path answers, asked again whenever it, or `version`, is another, and after a while when it could not be had. Null asks
 * nothing.
 */
export const useGet = <A>(path: string | null, version: unknown = 0): Loaded<A> => {
  const [state, setState] = useState<{ path: string | null; data?: A; problem: Problem | null }>({
    path,
    problem: null,
  })
  const [asked, setAsked] = useState(0)
  const reload = useCallback(() => setAsked((n) => n + 1), [])
  useEffect(() => {
    if (path === null) return
    const ending = new AbortController()
    call<A>(path, { signal: ending.signal })
      .then((data) => setState({ path, data, problem: null }))
      .catch((error) => {
        if (ending.signal.aborted) return
        // What was there is better than nothing, but not that of another path.
        setState((before) => ({
          path,
          ...(before.path === path && before.data !== undefined && { data: before.data }),
          problem: asProblem(error),
        }))
      })
    return () => ending.abort()
  }, [path, version, asked])
  const { value: isLookedAt } = isSeen
  useEffect(() => {
    if (!isLookedAt || state.problem === null || !mayPass(state.problem)) return
    const timer = setTimeout(reload, againMs)
    return () => clearTimeout(timer)
  }, [state.problem, isLookedAt])
  const isOther = state.path !== path
  return { data: isOther ? undefined : state.data, problem: isOther ? null : state.problem, reload }
}

/** The same, asked again so long after each answer, while somebody sees the page. */
export const usePolled = <A>(path: string, everyMs: number): Loaded<A> => {
  const loaded = useGet<A>(path)
  const { data, problem, reload } = loaded
  const { value: isLookedAt } = isSeen
  useEffect(() => {
    if (!isLookedAt || (data === undefined && problem === null)) return
    const timer = setTimeout(reload, everyMs)
    return () => clearTimeout(timer)
  }, [data, problem, isLookedAt, everyMs])
  return loaded
}

/** Whether somebody can see the page: browsers have few connections for a host, which pages that nobody sees leave to others. */
const isSeen = signal(!document.hidden)
document.addEventListener("visibilitychange", () => isSeen.value = !document.hidden)

/** The newest event of a name of a stream, until one is the last. Null listens to nothing. */
export const useStream = <A>(
  path: string | null,
  event: string,
  isLast: (data: A) => boolean,
): Omit<Loaded<A>, "reload"> => {
  const [state, setState] = useState<{ data?: A; problem: Problem | null }>({ problem: null })
  useEffect(() => {
    setState({ problem: null })
    if (path === null) return
    return effect(() =>
      isSeen.value
        ? listen(path, {
          event: (name, data) => {
            if (name !== event) return
            setState({ data: data as A, problem: null })
            return isLast(data as A)
          },
          state: (problem) => setState((before) => ({ ...before, problem })),
        })
        : undefined
    )
  }, [path, event])
  return { data: state.data, problem: state.problem }
}

/** The value as it was when it changed last, and not more often than so many milliseconds. */
export const useSlowly = <A>(value: A, everyMs: number): A => {
  const [shown, setShown] = useState(value)
  const changedAt = useRef(0)
  useEffect(() => {
    if (value === shown) return
    const left = changedAt.current + everyMs - performance.now()
    const timer = setTimeout(() => {
      changedAt.current = performance.now()
      setShown(value)
    }, Math.max(0, left))
    return () => clearTimeout(timer)
  }, [value, shown, everyMs])
  return shown
}

/** The system as a whole, each second while an operator looks. */
export const overview = signal<Overview | null>(null)
/** Why `overview` is not the newest; null when it is. */
export const overviewProblem = signal<Problem | null>(null)
/** Milliseconds since the epoch, each second. */
export const now = signal(Date.now())

/** Starts the clock, and looks at the system while an operator is signed in and the page is seen. */
export const startLooking = (): void => {
  setInterval(() => now.value = Date.now(), 1000)
  effect(() => {
    if (!session.value?.operator) overview.value = null
    if (!session.value?.operator || !isSeen.value) return
    return listen("/api/console/events", {
      event: (name, data) => {
        if (name === "overview") overview.value = data as Overview
      },
      state: (problem) => overviewProblem.value = problem,
    })
  })
}
