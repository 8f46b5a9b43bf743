/**
 * One TCP address in front of several servers, like a failover behind a fixed address: new
 * connections lead to the server that was switched to last, and open ones stay where they are.
 */
import { Effect, type Scope } from "effect"
import { once } from "node:events"
import { connect, createServer, type Socket } from "node:net"

export interface Switchboard {
  /** The URL of the first server, but at the address of the switchboard. */
  readonly url: string
  readonly switchTo: (url: string) => void
}

export const openSwitchboard = (
  firstUrl: string,
): Effect.Effect<Switchboard, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      let target = new URL(firstUrl)
      const lines = new Set<Socket>()
      const server = createServer((near) => {
        const far = connect(Number(target.port), target.hostname)
        lines.add(near)
        near.pipe(far).pipe(near)
        for (const [one, other] of [[near, far], [far, near]] as const) {
          one.on("error", () => other.destroy())
          one.on("close", () => other.destroy())
        }
        near.on("close", () => lines.delete(near))
      }).listen(0, "127.0.0.1")
      await once(server, "listening")
      const url = new URL(firstUrl)
      url.port = String((server.address() as { port: number }).port)
      return {
        url: url.href,
        switchTo: (url: string) => {
          target = new URL(url)
        },
        close: () => {
          server.close()
          for (const near of lines) near.destroy()
        },
      }
    }),
    ({ close }) => Effect.sync(close),
  )
