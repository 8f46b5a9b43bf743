/**
 * One Compose project of this repository, with its own name and port, so that other projects on the
 * machine, such as a developer's, are not touched. Its containers, networks and data are gone after
 * `down`.
 */
import { execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { createServer } from "node:net"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { freePort } from "#tests/support/free-port.ts"

const root = fileURLToPath(new URL("../..", import.meta.url))

export type Environment = Readonly<Record<string, string>>

/**
 * Runs a program of the machine, and returns what it printed. Rejects with the end of its error
 * output.
 */
export const run = async (
  command: string,
  words: ReadonlyArray<string>,
  environment: Environment = {},
  folder = root,
): Promise<string> => {
  const options = { cwd: folder, env: { ...process.env, ...environment }, maxBuffer: 2 ** 26 }
  try {
    return (await promisify(execFile)(command, words, options)).stdout.trim()
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string }
    const said = `${stdout ?? ""}${stderr ?? error}`.trim().split("\n").slice(-40).join("\n")
    throw new Error(`${command} ${words.join(" ")}\n${said}`)
  }
}

/** Why Compose cannot be used on this machine, and what to do; undefined if it can. */
export const whyNoCompose = async (): Promise<string | undefined> => {
  const works = (...words: ReadonlyArray<string>) =>
    run("docker", words).then(() => true, () => false)
  if (!await works("--version")) return "There is no docker command: install Docker"
  if (!await works("compose", "version")) {
    return "Docker has no compose command: install its Compose plugin (v2)"
  }
  if (!await works("info")) {
    return "The Docker engine does not answer: start it, or correct DOCKER_HOST"
  }
}

export interface Container {
  readonly id: string
  readonly service: string
}

export interface ComposeProject {
  readonly name: string
  /** The folder of its sources. */
  readonly folder: string
  /** The environment that it is started with, beyond that of this process. */
  readonly environment: Environment
  readonly baseUrl: string
  /** `docker compose` with these words. */
  readonly compose: (...words: ReadonlyArray<string>) => Promise<string>
  /** The same with other settings. */
  readonly composeWith: (
    environment: Environment,
    ...words: ReadonlyArray<string>
  ) => Promise<string>
  /** The running containers, of all services or of one. */
  readonly containers: (service?: string) => Promise<ReadonlyArray<Container>>
  /** Runs a bash script in a container, and returns what it printed. */
  readonly inside: (container: Container, script: string) => Promise<string>
  /** The URL of its PostgreSQL's superuser, for as long as `use` runs. */
  readonly withPostgres: <A>(use: (url: string) => Promise<A>) => Promise<A>
  /** Removes everything that belongs to it. */
  readonly down: () => Promise<void>
}

/** The project of a name in a folder; this starts nothing. */
export const composeProject = async (
  name: string,
  folder: string,
  settings: Environment,
): Promise<ComposeProject> => {
  const port = await freePort()
  const environment = { ...settings, COMPOSE_PROJECT_NAME: name, GATEWAY_PORT: `${port}` }
  const composeWith = (changes: Environment, ...words: ReadonlyArray<string>) =>
    run(
      "docker",
      ["compose", "--progress=quiet", ...words],
      { ...environment, ...changes },
      folder,
    )
  const compose = (...words: ReadonlyArray<string>) => composeWith({}, ...words)
  const containers = async (service?: string) => {
    const format = "{{.ID}} {{.Service}}"
    const listed = await compose("ps", "--format", format, ...(service ? [service] : []))
    return listed.split("\n").filter(Boolean).map((line) => {
      const [id = "", service = ""] = line.split(" ")
      return { id, service }
    })
  }
  return {
    name,
    folder,
    environment,
    baseUrl: `http://127.0.0.1:${port}`,
    compose,
    composeWith,
    containers,
    inside: ({ id }, script) => run("docker", ["exec", id, "bash", "-c", script]),
    withPostgres: async (use) => {
      const [postgres] = await containers("postgres")
      if (postgres === undefined) throw new Error("postgres is not running")
      return await throughTunnel(
        postgres.id,
        5432,
        (port) => use(`postgres://postgres@127.0.0.1:${port}`),
      )
    },
    down: async () => void await compose("down", "--volumes", "--timeout", "1"),
  }
}

/**
 * A port of this machine that leads to a port of a container that publishes none. Works wherever
 * `docker exec` does.
 */
const throughTunnel = async <A>(
  container: string,
  containerPort: number,
  use: (port: number) => Promise<A>,
): Promise<A> => {
  // Waits for the process that it kills: an orphan becomes a child of the container's first
  // process, and PostgreSQL takes a killed child for a crash of its own.
  const script = `exec 3<>/dev/tcp/127.0.0.1/${containerPort}; cat <&3 & cat >&3; kill $!; wait`
  const server = createServer((socket) => {
    const inside = spawn("docker", ["exec", "-i", container, "bash", "-c", script], {
      stdio: ["pipe", "pipe", "ignore"],
    })
    // Either end may close first.
    inside.stdin.on("error", () => socket.destroy())
    socket.on("error", () => inside.stdin.destroy())
    socket.pipe(inside.stdin)
    inside.stdout.pipe(socket)
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  try {
    return await use((server.address() as { port: number }).port)
  } finally {
    server.close()
  }
}
