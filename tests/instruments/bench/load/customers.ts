/** Real users for a run: each is signed up and logged in at the auth service, and has a token. */
import { Effect } from "effect"
import { randomUUID } from "node:crypto"
import { LoadFailed } from "./generator.ts"

const customers = 30
/** As many passwords as auth hashes at once, and far fewer than it refuses. */
const atOnce = 4

/** Signs up thirty users at this port, and returns their access tokens. */
export const signUpCustomers = (
  authPort: number,
): Effect.Effect<ReadonlyArray<string>, LoadFailed> => {
  const post = async (path: string, body: unknown) => {
    const response = await fetch(`http://127.0.0.1:${authPort}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${text}`)
    return JSON.parse(text) as unknown
  }
  const signUp = Effect.tryPromise({
    try: async () => {
      const [username, password] = [`customer-${randomUUID()}`, randomUUID()]
      await post("/api/auth/users/", { username, password, email: `${username}@example.com` })
      const { access } = await post("/api/token/", { username, password }) as { access: string }
      return access
    },
    catch: (error) => new LoadFailed({ message: `No customer: ${(error as Error).message}` }),
  })
  return Effect.all(Array.from({ length: customers }, () => signUp), { concurrency: atOnce })
}
