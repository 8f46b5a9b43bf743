/**
 * The gateway with TLS: a certificate is made and kept, plain HTTP redirects to HTTPS, and without
 * TLS everything is as before.
 */
import { deepStrictEqual, notDeepStrictEqual } from "node:assert/strict"
import { request } from "node:https"
import { until } from "#tests/support/customer.ts"
import { freePort } from "#tests/support/free-port.ts"
import { type ComposeProject, run } from "./compose-project.ts"
import { commandsIn } from "./documented-commands.ts"

/** A request over TLS to a server with this certificate. */
const get = (url: string, ca: string) =>
  new Promise<{ readonly status: number; readonly held: string | undefined }>((resolve, reject) => {
    request(url, { ca, agent: false }, (response) => {
      response.resume()
      const held = response.headers["strict-transport-security"]
      response.on("end", () => resolve({ status: response.statusCode ?? 0, held }))
    }).on("error", reject).end()
  })

/** Fails unless the gateway serves TLS when told to. Returns a line about what was tried. */
export const checkTls = async (project: ComposeProject): Promise<string> => {
  const GATEWAY_TLS_PORT = `${await freePort()}`
  const files = ["-f", "compose.yaml", "-f", "compose/tls.yaml"]
  const withTls = (...words: ReadonlyArray<string>) =>
    project.composeWith({ GATEWAY_TLS_PORT }, ...files, ...words)
  const certificate = () => withTls("exec", "-T", "gateway", "cat", "/run/tls/tls.crt")
  await withTls("up", "--detach", "--wait", "--no-deps", "gateway")
  const made = await certificate()
  const url = `https://localhost:${GATEWAY_TLS_PORT}/.well-known/jwks.json`
  deepStrictEqual(await get(url, made), { status: 200, held: "max-age=31536000" })
  const plain = await fetch(`${project.baseUrl}/docs`, { redirect: "manual" })
  deepStrictEqual(
    [plain.status, plain.headers.get("location")],
    [308, `https://127.0.0.1:${GATEWAY_TLS_PORT}/docs`],
  )
  await withTls("up", "--detach", "--wait", "--no-deps", "--force-recreate", "gateway")
  deepStrictEqual(await certificate(), made, "another certificate was made")
  // The commands of SECURITY.md for one's own certificate, and for a new one.
  const commands = Object.values(commandsIn("SECURITY.md", `docker compose ${files.join(" ")} `))
  for (const command of commands.flat()) {
    await run("bash", ["-c", command], { ...project.environment, GATEWAY_TLS_PORT }, project.folder)
  }
  const another = await certificate()
  notDeepStrictEqual(another, made, "the old certificate is still there")
  await until(
    "the gateway uses it",
    60_000,
    () => get(url, another).then(() => true, () => false),
  )
  await project.compose("up", "--detach", "--wait", "--no-deps", "gateway")
  const again = await fetch(`${project.baseUrl}/docs`)
  deepStrictEqual([again.status, again.headers.get("strict-transport-security")], [200, null])
  return "TLS: a certificate made once, and again on request; plain HTTP redirects there"
}
