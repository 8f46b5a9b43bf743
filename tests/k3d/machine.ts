/**
 * A machine to run the scripts on: the programs on its PATH are stand-ins, and the ingress answers
 * once there is a cluster.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs"
import { createServer, type Server } from "node:http"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { freePort } from "#tests/support/free-port.ts"
import { root } from "./system.ts"

export type Program = "docker" | "k3d" | "kubectl" | "node"

const all: ReadonlyArray<Program> = ["docker", "k3d", "kubectl", "node"]

export interface Ran {
  readonly code: number | null
  readonly output: string
  /** The calls meanwhile, in order, without those that change nothing. */
  readonly did: ReadonlyArray<string>
}

export interface Machine {
  readonly port: number
  /** Sets a value that the stand-ins remember under a name. */
  readonly remember: (name: string, value: string) => void
  /** The value that the stand-ins remember under a name. */
  readonly memory: (name: string) => string
  readonly up: (runtime?: "node" | "deno") => Promise<Ran>
  readonly down: () => Promise<Ran>
  readonly remove: () => void
}

/** Makes a machine that has these programs. */
export const makeMachine = async (programs = all): Promise<Machine> => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-machine-"))
  const port = await freePort()
  mkdirSync(join(folder, "bin"))
  for (const program of programs) writeStandIn(folder, program)
  const memory = (name: string) => {
    const file = join(folder, name)
    return existsSync(file) ? readFileSync(file, "utf8") : ""
  }
  let ingress: Server | undefined
  const openIngress = () => {
    if (ingress !== undefined || !memory("clusters").includes("unwind")) return
    ingress = createServer((_request, response) => response.end("{}")).listen(port, "127.0.0.1")
  }
  const run = async (...command: readonly [string, ...Array<string>]): Promise<Ran> => {
    const before = memory("calls").length
    const { code, output } = await runIn(join(folder, "bin"), command, openIngress)
    const calls = memory("calls").slice(before).split("\n").filter((call) => call !== "")
    const question = / version|cluster list|image inspect| get (namespace|secrets)/
    return { code, output, did: calls.filter((call) => !question.test(call)) }
  }
  const script = "tests/k3d/bring-up-at.ts"
  return {
    port,
    memory,
    remember: (name, value) => writeFileSync(join(folder, name), `${value}\n`),
    up: (runtime = "node") =>
      runtime === "node"
        ? run("node", script, String(port))
        : run("deno", "run", "-A", script, String(port)),
    down: () => run("node", "k3d/down.ts"),
    remove: () => {
      ingress?.close()
      ingress?.closeAllConnections()
      rmSync(folder, { recursive: true })
    },
  }
}

const writeStandIn = (folder: string, program: Program): void => {
  const file = join(folder, "bin", program)
  copyFileSync(join(root, "tests/k3d/stand-in.sh"), file)
  chmodSync(file, 0o755)
}

/** Runs a script with nothing else on its PATH, and checks the command lines meanwhile. */
const runIn = async (
  path: string,
  [runtime, ...words]: readonly [string, ...Array<string>],
  lookAround: () => void,
) => {
  const child = spawn(join(root, "node_modules/.bin", runtime), words, {
    cwd: root,
    env: { PATH: path, HOME: process.env.HOME },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  child.stdout.on("data", (chunk) => output += chunk)
  child.stderr.on("data", (chunk) => output += chunk)
  const looking = setInterval(lookAround, 20)
  const [code] = await once(child, "close")
  clearInterval(looking)
  return { code: code as number | null, output }
}
