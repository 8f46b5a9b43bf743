/** `npm run unwind -- cancel`: an order that is not decided yet is undone. */
import { Effect } from "effect"
import { consoleCommand, reasonOf, reasonOption } from "./console-command.ts"
import { idBeginningOf, orderNamed } from "./order-id.ts"

export const cancel = consoleCommand(
  {
    name: "cancel",
    usage: "ORDER --reason TEXT",
    about:
      `Cancels an order that is not decided yet: what it holds is given back. When it is too late, the
state that holds is told, and nothing changes.`,
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
