/** The secrets are changed by the commands of SECURITY.md, while customers order. */
import { deepStrictEqual, ok } from "node:assert/strict"
import { defaultAddress } from "#shared/config/addresses.ts"
import { type ComposeProject, run } from "./compose-project.ts"
import { commandsIn } from "./documented-commands.ts"

/** Whether the secret that a script reads in a container still works. */
const works = async (project: ComposeProject, service: string, script: string) =>
  await project.compose("exec", "-T", service, "bash", "-c", script).then(
    () => true,
    () => false,
  )

interface Secret {
  readonly read: (project: ComposeProject) => Promise<string>
  readonly isLetIn: (project: ComposeProject, secret: string) => Promise<boolean>
}

const file = (service: string, path: string) => (project: ComposeProject) =>
  project.compose("exec", "-T", service, "cat", path)

const database = (name: string, role: string): Secret => ({
  read: file("postgres", `/run/secrets/${name}.password`),
  isLetIn: (project, password) =>
    works(
      project,
      "postgres",
      // By the address that others use: the server asks local clients for no password.
      `PGPASSWORD='${password}' psql --host "$(hostname -i | cut -d' ' -f1)" --username ${role} ` +
        "--command 'select 1'",
    ),
})

/**
 * Sends billing a request as auth, signed by this key; with an invalid body, the answer shows
 * whether the caller was let in.
 */
const asAuth = (key: string) => `
  import { importJWK, SignJWT } from "jose"
  const key = await importJWK(${key}, "EdDSA")
  const token = await new SignJWT({}).setProtectedHeader({ alg: "EdDSA", kid: "auth", typ: "svc+jwt" })
    .setIssuer("auth").setAudience("billing").setIssuedAt().setExpirationTime("30s").sign(key)
  const { status } = await fetch("${defaultAddress("billing")}/api/profiles/", {
    method: "POST", body: "{}",
    headers: { "content-type": "application/json", authorization: "Bearer " + token },
  })
  process.exit(status === 401 ? 1 : 0)`

/** The secrets of each kind to try, by the heading in SECURITY.md. */
const secrets: Readonly<Record<string, ReadonlyArray<Secret>>> = {
  "The services' keys": [{
    read: file("auth", "/run/secrets/private-key.json"),
    isLetIn: async (project, key) => {
      const [auth] = await project.containers("auth")
      const program = Buffer.from(asAuth(key)).toString("base64")
      const runs = project.environment["RUNTIME"] === "deno"
        ? "deno run -A --ext=js -"
        : "node --input-type=module -"
      return await run("docker", [
        ...["exec", "--workdir", "/app", auth!.id, "bash", "-c"],
        `echo ${program} | base64 --decode | ${runs}`,
      ]).then(() => true, () => false)
    },
  }],
  "The databases' passwords": [database("billing", "billing"), database("superuser", "postgres")],
  "The password of Redis": [{
    read: file("redis", "/run/secrets/password"),
    isLetIn: (project, password) =>
      works(project, "redis", `REDISCLI_AUTH='${password}' redis-cli ping | grep --quiet PONG`),
  }],
}

/** By what is changed; each fails if an old secret still works, or a new one does not. */
export const rotations = Object.fromEntries(
  Object.entries(commandsIn("SECURITY.md", /^docker compose [a-z]/)).map(([heading, commands]) => [
    `changed as SECURITY.md says: ${heading}`,
    async (project: ComposeProject): Promise<void> => {
      const looked = secrets[heading] ?? []
      ok(looked.length > 0, `no test knows how to try: ${heading}`)
      const before = await Promise.all(looked.map(({ read }) => read(project)))
      const letsIn = (all: ReadonlyArray<string>) =>
        Promise.all(looked.map(({ isLetIn }, n) => isLetIn(project, all[n]!)))
      deepStrictEqual(await letsIn(before), before.map(() => true), `before: ${heading}`)
      for (const command of commands) {
        await run("bash", ["-c", command], project.environment, project.folder)
      }
      await project.compose("up", "--detach", "--wait")
      const after = await Promise.all(looked.map(({ read }) => read(project)))
      deepStrictEqual(await letsIn(after), after.map(() => true), `after: ${heading}`)
      deepStrictEqual(await letsIn(before), before.map(() => false), `still valid: ${heading}`)
    },
  ]),
)
