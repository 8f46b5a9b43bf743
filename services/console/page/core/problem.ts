/** An answer that is not the one asked for, as the page tells it: RFC 9457, or that there was no answer at all. */

interface Details {
  readonly detail?: string
  readonly code?: string
  readonly state?: string
  readonly errors?: ReadonlyArray<{ readonly path: string; readonly message: string }>
}

export class Problem extends Error {
  /** 0 where nothing answered. */
  readonly status: number
  readonly code: string
  /** Of a 409: how what was to be changed stands. */
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
    detail: "Nothing answers. Is the system up, and the network there?",
  })

export const problemOf = async (response: Response): Promise<Problem> =>
  new Problem(response.status, await response.json().catch(() => ({})))

/** What is told of anything that was thrown. */
export const asProblem = (error: unknown): Problem =>
  error instanceof Problem ? error : new Problem(0, { code: "defect", detail: String(error) })
