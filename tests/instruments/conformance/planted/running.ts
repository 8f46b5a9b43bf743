/**
 * The planted participant, in this process or in one of its own that can be killed, and the kit
 * that is pointed at it.
 */
import { once } from "node:events"
import { mkdtempSync, rmSync } from "node:fs"
import type { AddressInfo } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { keyFiles } from "#shared/security/generate-service-keys.ts"
import { conform, type Options, type Report } from "../run.ts"
import { supervise } from "../supervised.ts"
import { participant, type Settings } from "./participant.ts"

export interface Planted {
  readonly url: string
  /** Tries the named checks on it; all if none is named. */
  readonly conform: (options?: Partial<Options>) => Promise<Report>
  readonly close: () => Promise<void>
}

const started = async (settings: Settings, inItsOwnProcess: boolean) => {
  if (inItsOwnProcess) {
    return await supervise("tests/instruments/conformance/planted/main.ts", (port) => ({
      PORT: `${port}`,
      SETTINGS: JSON.stringify(settings),
      NODE_COMPILE_CACHE: process.env["NODE_COMPILE_CACHE"],
    }))
  }
  const server = participant(settings).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    restart: undefined,
    // On Deno, the server does not report its end while a client keeps a connection.
    close: () => {
      server.close()
      server.closeAllConnections()
      return Promise.resolve()
    },
  }
}

/** Starts it. It accepts tokens that are signed with the keys in the folder, if there is one. */
export const startPlanted = async (
  settings: Pick<Settings, "bug" | "bad"> & { readonly stock?: number },
  where: { readonly keysFolder?: string; readonly inItsOwnProcess?: boolean } = {},
): Promise<Planted> => {
  const { keysFolder, inItsOwnProcess = false } = where
  const folder = mkdtempSync(join(tmpdir(), "unwind-planted-"))
  const keys = keysFolder === undefined ? undefined : keyFiles(keysFolder)
  const whole: Settings = {
    file: join(folder, "journal"),
    stock: 10,
    ...(keys && { trust: { keysFile: keys.publicKeys, name: "planted" } }),
    ...settings,
  }
  const { url, restart, close } = await started(whole, inItsOwnProcess)
  const usual: Options = {
    url,
    resource: "thing",
    key: keys && { file: keys.privateKey("orchestrator"), name: "planted" },
    restart,
    seed: 1,
    only: [],
    timeoutMs: 30_000,
  }
  return {
    url,
    conform: (options) => conform({ ...usual, ...options }, () => {}, new AbortController().signal),
    close: async () => {
      await close()
      rmSync(folder, { recursive: true })
    },
  }
}

/** The names of the rules that it broke, and what was seen for each. */
export const brokenIn = ({ results }: Report): Readonly<Record<string, string>> =>
  Object.fromEntries(
    results.filter(({ came }) => came === "broken").map(({ check, saw }) => [check.name, saw]),
  )
