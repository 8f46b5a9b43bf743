/** The page's data, kept up to date while the page is visible. */
import { effect, signal } from "@preact/signals"
import { useCallback, useEffect, useRef, useState } from "preact/hooks"
import type { Overview } from "#shared/contracts/console.ts"
import { call } from "./api.ts"
import { listen } from "./events.ts"
import { asProblem, Problem } from "./problem.ts"
import { session } from "./session.ts"

export interface Loaded<A> {
  /** The newest data; undefined before the first answer. */
  readonly data: A | undefined
  /** Why the data may be out of date; null when it is not. */
  readonly problem: Problem | null
  readonly reload: () => void
}

/** The pause before a failed request is retried. */
const againMs = 3_000

/** Whether a retry can help: no answer, too many requests, or an unavailable service. */
const mayPass = ({ status }: Problem) => status === 0 || status === 429 || status >= 500

/**
 * The answer of a path, requested again whenever the path or `version` changes, and after a
 * failure. Null requests nothing.
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
        // Keeps the old data, unless it is of another path.
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

/** The same, polled at an interval after each answer while the page is visible. */
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

/**
 * Whether the page is visible. Browsers limit the connections to a host, so hidden pages leave
 * theirs to others.
 */
const isSeen = signal(!document.hidden)
document.addEventListener("visibilitychange", () => isSeen.value = !document.hidden)

/** The newest event with this name, until the last one. Null listens to nothing. */
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

/** The value, updated at most once in so many milliseconds. */
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

/** The state of the whole system, updated every second for an operator. */
export const overview = signal<Overview | null>(null)
/** Why `overview` may be out of date; null when it is not. */
export const overviewProblem = signal<Problem | null>(null)
/** Milliseconds since the epoch, updated every second. */
export const now = signal(Date.now())

/**
 * Starts the clock, and follows the system while an operator is signed in and the page is visible.
 */
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
