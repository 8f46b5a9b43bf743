/**
 * Billing, items and slots in one process: the participants' tables behind HTTP, and nothing else.
 */
import { openDatabase } from "./database.ts"
import { environment, ready, whole } from "./environment.ts"
import { groupCommit } from "./group-commit.ts"
import { type Answer, serve } from "./http-server.ts"
import { type Commands, type Outcomes, reservationsOf, type Resources } from "./reservations.ts"
import { reservationsOneByOne } from "./reservations-one-by-one.ts"

const { BILLING_DATABASE_URL, ITEMS_DATABASE_URL, SLOTS_DATABASE_URL } = environment(
  "BILLING_DATABASE_URL",
  "ITEMS_DATABASE_URL",
  "SLOTS_DATABASE_URL",
)
const batched = process.env.UNBATCHED !== "1"

const applying = (url: string, resources: Resources): (commands: Commands) => Promise<Outcomes> =>
  batched
    ? groupCommit<Commands, Outcomes>({
      most: 1000,
      sizeOf: ({ length }) => length,
      // One runs while the next is sent; both on one connection, so none waits for a lock.
      workers: 2,
      run: reservationsOf(openDatabase(url, 1), resources),
    })
    : reservationsOneByOne(openDatabase(url, 24), resources)

const participant = (url: string, resources: Resources) => {
  const apply = applying(url, resources)
  return async (text: string): Promise<Answer> => {
    const { commands } = JSON.parse(text) as { readonly commands: Commands }
    return { status: 200, text: JSON.stringify({ outcomes: await apply(commands) }) }
  }
}

await serve(whole("PORT"), {
  "/billing": participant(BILLING_DATABASE_URL, {
    table: "accounts",
    key: "username",
    balance: "wallet",
  }),
  "/items": participant(ITEMS_DATABASE_URL, {
    table: "items",
    key: "id",
    balance: "stock",
  }),
  "/slots": participant(SLOTS_DATABASE_URL, {
    table: "slots",
    key: "time",
    balance: "capacity",
  }),
})
ready()
