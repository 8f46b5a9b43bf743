/**
 * Billing as auth sees it: for callers with auth's token, it opens an account once per username,
 * sets its e-mail address and erases the address. It can refuse connections, lose its answers, and
 * hold requests.
 */
import { decodeJwt } from "jose"

/** What happens to a request. `open` lets it take effect, and returns billing's answer. */
export type Conduct = (open: () => Response) => Promise<Response>

const broken = (code: string) => new TypeError("fetch failed", { cause: { code } })

export const answers: Conduct = (open) => Promise.resolve(open())
export const isDown: Conduct = () => Promise.reject(broken("ECONNREFUSED"))
export const losesAnswers: Conduct = (open) => {
  open()
  return Promise.reject(broken("ECONNRESET"))
}

/** Holds each request until the test releases it. */
export const holdsBack = () => {
  const held: Array<() => void> = []
  const conduct: Conduct = (open) => new Promise((resolve) => held.push(() => resolve(open())))
  return { conduct, held }
}

export class BillingDouble {
  conduct: Conduct = answers
  readonly accounts = new Map<string, { email: string; wallet: number }>()
  calls = 0

  readonly fetch = async (request: Request): Promise<Response> => {
    const { username, email } = await request.json() as { username: string; email: string }
    const { iss, aud } = decodeJwt(request.headers.get("authorization")!.slice("Bearer ".length))
    const target = `${request.method} ${request.url}`
    const isErasure = target === "POST http://billing.test/internal/accounts/erase"
    if (!isErasure && target !== "POST http://billing.test/api/profiles/") {
      return new Response("", { status: 404 })
    }
    if (iss !== "auth" || aud !== "billing") return new Response("", { status: 401 })
    this.calls++
    if (isErasure) {
      return await this.conduct(() => {
        this.accounts.get(username)!.email = ""
        return Response.json({})
      })
    }
    return await this.conduct(() => {
      const wallet = this.accounts.get(username)?.wallet ?? 100
      this.accounts.set(username, { email, wallet })
      return Response.json({ username, email, wallet }, { status: 201 })
    })
  }
}
