/**
 * The time between being told to stop and closing. A server that closes at once loses what is on its way to it; so it is
 * not ready any more from the start, and goes on serving until whoever sends requests here has noticed.
 */
import { Context } from "effect"

export class Drain {
  /** How long to go on serving, in milliseconds; set by whoever knows the settings. */
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

/** The drain of this process; whoever handles its signals gives one that begins. */
export const CurrentDrain = Context.Reference<Drain>("unwind/http/Drain", {
  defaultValue: () => new Drain(),
})
