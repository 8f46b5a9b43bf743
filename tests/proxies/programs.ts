/**
 * The processes of the proxies' tests: replicas of a service, and HAProxy and nginx in front of
 * them.
 */
import { execFileSync, spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { gatewaySettings } from "#compose/secrets/gateway-settings.ts"
import { until } from "#tests/support/customer.ts"
import { freePort } from "#tests/support/free-port.ts"
import type { Ports } from "#tests/support/service-process.ts"

const root = join(import.meta.dirname, "../..")

/** Debian installs programs for administrators here, which is not on everybody's PATH. */
const path = `${process.env.PATH}:/usr/sbin`

/** The programs that are not installed. */
export const missing = ["haproxy", "nginx"].filter((program) => {
  try {
    execFileSync("sh", ["-c", `command -v ${program}`], { env: { PATH: path } })
    return false
  } catch {
    return true
  }
})

export interface Program {
  /** Tells the process to stop; resolves with its exit code. */
  readonly stop: () => Promise<number | null>
}

const startProgram = (
  [command = "", ...words]: ReadonlyArray<string>,
  env: Readonly<Record<string, string>>,
) => {
  const child = spawn(command, words, {
    cwd: root,
    env: { PATH: path, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  })
  let output = ""
  const collect = (chunk: Buffer) => void (output = (output + chunk).slice(-4_000))
  child.stdout.on("data", collect)
  child.stderr.on("data", collect)
  const ended = once(child, "exit")
  const stop = async () => {
    if (child.exitCode === null && child.signalCode === null) process.kill(child.pid!, "SIGTERM")
    return (await ended)[0] as number | null
  }
  const answers = (url: string) =>
    until(`${command} answers: ${output}`, 60_000, async () => {
      if (child.exitCode !== null) throw new Error(`${command} ended:\n${output}`)
      const response = await fetch(url, { headers: { connection: "close" } }).catch(() => undefined)
      await response?.text()
      return response?.status === 200
    })
  return { stop, answers }
}

/** Starts a replica, and resolves when it is ready. */
export const startReplica = async (
  runtime: "node" | "deno",
  ports: Ports,
  settings: Readonly<Record<string, string>>,
): Promise<Program> => {
  const words = runtime === "deno" ? ["run", "-A"] : []
  const command = join(root, "node_modules/.bin", runtime)
  const program = startProgram([command, ...words, join(import.meta.dirname, "replica.ts")], {
    ...settings,
    PORT: `${ports.public}`,
    HOST: "127.0.0.1",
    INTERNAL_PORT: `${ports.internal}`,
    INTERNAL_HOST: "127.0.0.1",
  })
  await program.answers(`http://127.0.0.1:${ports.internal}/readyz`)
  return program
}

/**
 * Starts a proxy with a configuration in a folder of its own, and resolves when it answers at the
 * URL.
 */
const startProxy = async (
  url: string,
  command: (folder: string, file: string) => ReadonlyArray<string>,
  configuration: (folder: string) => string,
): Promise<Program> => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-proxy-"))
  const file = join(folder, "configuration")
  writeFileSync(file, configuration(folder))
  const program = startProgram(command(folder, file), {})
  await program.answers(url)
  const stop = async () => {
    const code = await program.stop()
    rmSync(folder, { recursive: true, force: true })
    return code
  }
  return { stop }
}

const orderAt = (port: number) => `http://127.0.0.1:${port}/api/orders/1`

const startNginx = (url: string, configuration: (folder: string) => string) =>
  startProxy(
    url,
    (folder, file) => ["nginx", "-p", folder, "-c", file, "-g", "daemon off;"],
    configuration,
  )

/** The gateway's settings that differ from Compose's defaults. */
export interface GatewayOptions {
  readonly settings?: Readonly<Record<string, string>>
  /** The port for TLS, with a certificate that the gateway's own script makes. */
  readonly tlsPort?: number
}

/** nginx as Compose runs it, except for the addresses, which come from a name server there. */
export const startGateway = async (
  port: number,
  replicas: ReadonlyArray<number>,
  { settings = {}, tlsPort }: GatewayOptions = {},
): Promise<Program> => {
  const read = (file: string) => readFileSync(join(root, "compose/gateway", file), "utf8")
  const servers = replicas.map((replica) => `server 127.0.0.1:${replica} max_fails=0;`).join(" ")
  const scheme = tlsPort === undefined ? "http" : "https"
  const values: Readonly<Record<string, string>> = {
    ...Object.fromEntries(
      Object.entries(gatewaySettings).map(([name, setting]) => [name, setting.default!]),
    ),
    GATEWAY_SCHEME: scheme,
    GATEWAY_TLS_PORT: `${tlsPort}`,
    ...settings,
  }
  const healthPort = await freePort()
  return await startNginx(`http://127.0.0.1:${healthPort}/livez`, (folder) => {
    const here = (text: string) =>
      text
        .replaceAll(/\$\{(GATEWAY_\w+)\}/g, (_, name) => values[name]!)
        .replaceAll("/tmp/", `${folder}/`)
        .replaceAll("/run/tls", folder)
        .replace(/^ *resolver .*$/m, "")
        .replaceAll(/server \w+:\d+ resolve max_fails=0;/g, servers)
        .replace("listen 127.0.0.1:9080;", `listen 127.0.0.1:${healthPort};`)
        .replace("listen 8080;", `listen 127.0.0.1:${port};`)
        .replace("listen 8443 ssl;", `listen 127.0.0.1:${tlsPort} ssl;`)
    writeFileSync(join(folder, `${scheme}.conf`), here(read(`${scheme}.conf`)))
    if (tlsPort !== undefined) execFileSync("sh", ["-c", here(read("certificate.sh"))])
    return here(read("nginx.conf"))
  })
}

/**
 * nginx with its own time for idle connections, and one connection to the replica for each path.
 */
export const startPlainNginx = (port: number, replica: number, paths: ReadonlyArray<string>) =>
  startNginx(orderAt(port), (folder) => `
pid ${folder}/pid;
error_log stderr;
events { worker_connections 1024; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/unused;
  scgi_temp_path ${folder}/unused;
  uwsgi_temp_path ${folder}/unused;
  proxy_http_version 1.1;
  proxy_set_header Connection "";
  ${
    paths.map((_, n) => `upstream u${n} { server 127.0.0.1:${replica}; keepalive 1; }`).join("\n  ")
  }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://127.0.0.1:${replica}; }
    ${paths.map((path, n) => `location = ${path} { proxy_pass http://u${n}; }`).join("\n    ")}
  }
}`)

/**
 * HAProxy, which checks readiness in HTTP/1.0 at the internal port. `reuse` is its http-reuse:
 * whether connections are shared.
 */
export const startHaproxy = (
  port: number,
  replicas: ReadonlyArray<Ports>,
  { reuse, check }: { readonly reuse: string; readonly check: string },
): Promise<Program> =>
  startProxy(orderAt(port), (_, file) => ["haproxy", "-db", "-f", file], () => `
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
frontend door
  bind 127.0.0.1:${port}
  default_backend orders
backend orders
  http-reuse ${reuse}
  option httpchk GET /readyz
  ${
    replicas.map((at, n) =>
      `server r${n} 127.0.0.1:${at.public} check port ${at.internal} ${check}`
    ).join("\n  ")
  }
`)
