/** A proxy that the environment names is for the outside world: it cannot reach the services. */
import { execFile } from "node:child_process"
import { once } from "node:events"
import { createServer, type RequestListener } from "node:http"
import type { AddressInfo } from "node:net"
import { join } from "node:path"
import { promisify } from "node:util"
import { afterEach, expect, it } from "vitest"

const root = join(import.meta.dirname, "../../..")
const cleanups: Array<() => void> = []
afterEach(() => cleanups.splice(0).forEach((cleanup) => cleanup()))

const serverAt = async (listener: RequestListener) => {
  const server = createServer(listener).listen(0, "127.0.0.1")
  await once(server, "listening")
  cleanups.push(() => {
    server.close()
    server.closeAllConnections()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

it.each(
  [["node", []], ["deno", ["run", "-A"]]] as const,
)(
  "a call from service to service never goes through an ambient proxy on %s",
  async (runtime, words) => {
    const proxied: Array<string | undefined> = []
    const proxy = await serverAt((request, response) => {
      proxied.push(request.url)
      response.end('"the proxy"')
    })
    const billing = await serverAt((_, response) => response.end('"billing"'))
    const { stdout } = await promisify(execFile)(
      join(root, "node_modules/.bin", runtime),
      [...words, join(import.meta.dirname, "call-by.ts"), billing],
      {
        cwd: root,
        env: {
          ...process.env,
          HTTP_PROXY: proxy,
          http_proxy: proxy,
          HTTPS_PROXY: proxy,
          ALL_PROXY: proxy,
          NO_PROXY: "",
          no_proxy: "",
          NODE_USE_ENV_PROXY: "1",
        },
      },
    )
    expect(stdout.trim()).toBe('"billing"')
    expect(proxied).toEqual([])
  },
)
