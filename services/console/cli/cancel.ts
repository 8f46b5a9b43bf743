/** `npm run unwind -- cancel`: cancels an undecided order. */
import { Effect } from "effect"
import { consoleCommand, reasonOf, reasonOption } from "./console-command.ts"
import { idBeginningOf, orderNamed } from "./order-id.ts"

export const cancel = consoleCommand(
  {
    name: "cancel",
    usage: "ORDER --reason TEXT",
    about:
      `Cancels an order that is not decided yet, and gives back what it holds. When it is too late,
prints the order's state and changes nothing.`,
    options: { reason: reasonOption },
    words: { least: 1, most: 1, what: "the id of one order" },
    read: ({ reason }, [word = ""]) => ({
      beginning: idBeginningOf(word),
      reason: reasonOf(reason),
    }),
  },
  Effect.fnUntraced(function* ({ api, out }, { beginning, reason }) {
    const done = yield* api.cancel(yield* orderNamed(api, beginning), reason)
    const { order: { id, status }, outcome } = done
    yield* out.data(done, () => `${id} ${outcome}: ${status}`)
  }),
)
