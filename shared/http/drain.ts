/**
 * The time between being told to stop and closing. A server that closes at once loses the requests
 * on their way to it. So it becomes unready first, and goes on serving until load balancers have
 * noticed.
 */
import { Context } from "effect"

export class Drain {
  /** How long to go on serving, in milliseconds; taken from the settings. */
  ms = 0
  #begun = false

  /** Whether the process was told to stop. */
  get begun(): boolean {
    return this.#begun
  }

  begin(): void {
    this.#begun = true
  }
}

/** The drain of this process; the handler of its signals provides one that begins. */
export const CurrentDrain = Context.Reference<Drain>("unwind/http/Drain", {
  defaultValue: () => new Drain(),
})
