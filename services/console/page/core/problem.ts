/** A problem as the page shows it: an RFC 9457 answer, or no answer. */

interface Details {
  readonly detail?: string
  readonly code?: string
  readonly state?: string
  readonly errors?: ReadonlyArray<{ readonly path: string; readonly message: string }>
}

export class Problem extends Error {
  /** 0 where there was no answer. */
  readonly status: number
  readonly code: string
  /** Of a 409: the state that prevents the change. */
  readonly state: string | undefined

  constructor(status: number, { detail, code = "", state, errors = [] }: Details) {
    const which = errors.map(({ path, message }) => `${path}: ${message}`).join("; ")
    super([detail ?? `The answer was ${status}.`, which].filter(Boolean).join(" "))
    this.status = status
    this.code = code
    this.state = state
  }
}

export const noAnswer = (): Problem =>
  new Problem(0, {
    code: "no_answer",
    detail: "No answer. Check that the system runs, and that your network works.",
  })

export const problemOf = async (response: Response): Promise<Problem> =>
  new Problem(response.status, await response.json().catch(() => ({})))

/** Anything thrown, as a Problem. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, { code: "defect", detail: String(error) })
