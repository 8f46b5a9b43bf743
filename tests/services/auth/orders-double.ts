/** Orders as auth sees it: tells callers with auth's token who has unfinished orders. */
import { decodeJwt } from "jose"

export class OrdersDouble {
  isDown = false
  /** The users with unfinished orders. */
  readonly unfinished = new Set<string>()
  readonly asked: Array<string> = []

  readonly fetch = (request: Request): Promise<Response> => {
    const { pathname, searchParams } = new URL(request.url)
    const { iss, aud } = decodeJwt(request.headers.get("authorization")!.slice("Bearer ".length))
    if (this.isDown) {
      return Promise.reject(new TypeError("fetch failed", { cause: { code: "ECONNREFUSED" } }))
    }
    if (`${request.method} ${pathname}` !== "GET /internal/users/unfinished") {
      return Promise.resolve(new Response("", { status: 404 }))
    }
    if (iss !== "auth" || aud !== "orders") {
      return Promise.resolve(new Response("", { status: 401 }))
    }
    const username = searchParams.get("username")!
    this.asked.push(username)
    return Promise.resolve(Response.json({ unfinished: this.unfinished.has(username) }))
  }
}
