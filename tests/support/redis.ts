/**
 * A real Redis for tests. How to start it is found once per run: a server on the PATH, else Docker,
 * else a package that apt-get installs; the answer stays in UNWIND_TEST_REDIS_SERVER, for workers
 * and helper processes. Servers listen on a free port of 127.0.0.1, keep nothing on disk, and end
 * with the process that started them, however it ends.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { setTimeout as wait } from "node:timers/promises"
import { promisify } from "node:util"
import { freePort } from "./free-port.ts"

const variable = "UNWIND_TEST_REDIS_SERVER"
// Docker may have to fetch its image first.
const startWithinMs = 120_000

/** A server that a test may flush, kill and restart. */
export interface RedisServer {
  readonly url: string
  /** Kills it as kill -9 does: no data is kept, connections break. Resolves when it is gone. */
  readonly kill: () => Promise<void>
  /** Restarts it, empty, on the same port. Resolves when it answers. */
  readonly start: () => Promise<void>
}

const works = (command: string, ...parameters: ReadonlyArray<string>): Promise<boolean> =>
  promisify(execFile)(command, parameters, { timeout: 300_000 }).then(() => true, () => false)

const onPath = async (): Promise<string | undefined> => {
  for (const name of ["redis-server", "valkey-server"]) {
    if (await works(name, "--version")) return name
  }
}

const installed = async (): Promise<string | undefined> => {
  if (!await works("apt-get", "--version")) return
  const sudo = process.getuid?.() === 0 ? [] : ["sudo", "-n"]
  if (sudo.length > 0 && !await works("sudo", "-n", "true")) return
  console.log("There is no Redis server for the tests: apt-get installs the package redis-server")
  const aptGet = (...words: ReadonlyArray<string>) => {
    const [command = "env", ...rest] = [...sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get"]
    return works(command, ...rest, ...words)
  }
  await aptGet("update")
  await aptGet("install", "-y", "redis-server")
  return onPath()
}

/** Finds out how Redis can be started, and remembers it for this process and its children. */
export const obtainRedis = async (): Promise<string> => {
  const found = process.env[variable] ?? await onPath() ??
    (await works("docker", "info") ? "docker" : await installed())
  if (found === undefined) {
    throw new Error(
      "The tests need a Redis server: install redis-server (or valkey-server), or start Docker",
    )
  }
  return process.env[variable] = found
}

/**
 * Starts the server, and kills it when standard input ends: on request, or when this process is
 * gone.
 */
const supervised = (server: string, port: number) => {
  const options = ["--save", "", "--appendonly", "no"]
  const name = `unwind-test-redis-${port}`
  const [stop, ...words] = server === "docker"
    ? [
      `docker rm -f ${name}`,
      ...["docker", "run", "--rm", "--name", name, "-p", `127.0.0.1:${port}:6379`],
      ...["redis:8", "redis-server", ...options],
    ]
    : ["kill -9 $server", server, "--port", `${port}`, "--bind", "127.0.0.1", ...options]
  const script = `exec 3<&0
"$@" 3<&- & server=$!
{ cat <&3; ${stop}; } >/dev/null 2>&1 &
wait $server`
  return spawn("sh", ["-c", script, "sh", ...words], { cwd: tmpdir(), stdio: "pipe" })
}

const answersPing = async (port: number): Promise<boolean> => {
  const socket = connect(port, "127.0.0.1").setTimeout(1000, () => socket.destroy())
  try {
    socket.write("PING\r\n")
    const [answer] = await once(socket, "data")
    return String(answer).startsWith("+PONG")
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}

/** Starts a separate Redis; the caller has to kill it. */
export const startRedis = async (): Promise<RedisServer> => {
  const server = await obtainRedis()
  const port = await freePort()
  let running: ReturnType<typeof supervised> | undefined
  const start = async () => {
    const child = running = supervised(server, port)
    let output = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (text) => output = (output + text).slice(-2000))
    }
    const deadlineMs = Date.now() + startWithinMs
    while (!await answersPing(port)) {
      if (child.exitCode !== null || Date.now() > deadlineMs) {
        throw new Error(`${server} did not start on port ${port}: ${output.trim()}`)
      }
      await wait(10)
    }
  }
  const kill = async () => {
    const child = running
    running = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, "exit")
    child.stdin.end()
    await gone
  }
  await start()
  return { url: `redis://127.0.0.1:${port}`, start, kill }
}

/** A Redis for tests that use only their own keys: at REDIS_URL, else a separate one. */
export const anyRedis = async (): Promise<Pick<RedisServer, "url" | "kill">> => {
  const url = process.env.REDIS_URL
  return url === undefined ? await startRedis() : { url, kill: () => Promise.resolve() }
}
