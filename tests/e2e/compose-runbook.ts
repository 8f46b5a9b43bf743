/**
 * The commands of docs/operate.md for Compose, run word for word: all databases are backed up and
 * restored, then one alone, and every other command is at least one that Compose executes.
 */
import { deepStrictEqual, ok } from "node:assert/strict"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { newCustomer, until, wishOf } from "#tests/support/customer.ts"
import { undecided } from "#tests/support/books.ts"
import { type ComposeProject, run } from "./compose-project.ts"
import { blocksIn } from "./documented-commands.ts"

/** The blocks of all sections, by heading, for this project. */
const blocksFor = ({ name }: ComposeProject): Readonly<Record<string, ReadonlyArray<string>>> =>
  Object.fromEntries(
    Object.entries(blocksIn("docs/operate.md", "compose")).map(([heading, blocks]) => [
      heading,
      blocks.map((block) =>
        block.replaceAll("docker volume rm unwind_", `docker volume rm ${name}_`)
      ),
    ]),
  )

const all = "One database after the other"
const one = "One database"

const orders = 20

/** Places some orders, and waits until all are final; returns their ids. */
const placeSome = async (project: ComposeProject): Promise<ReadonlyArray<string>> => {
  const customer = await newCustomer(() => project.baseUrl)
  const ids: Array<string> = []
  for (let n = 0; n < orders; n++) {
    await until("the order is acknowledged", 120_000, async () => {
      const id = await customer.tryToPlace(wishOf(n), `${n}`)
      if (id !== undefined) ids.push(id)
      return id !== undefined
    })
  }
  await untilFinal(project)
  return ids
}

const untilFinal = (project: ComposeProject) =>
  project.withPostgres((url) =>
    until("every order is final", 120_000, async () => await undecided(url) === 0)
  )

/** The audit's output when nothing is wrong; rejects if something is. */
const audited = (project: ComposeProject) =>
  project.compose("exec", "-T", "orchestrator", "node", "services/console/cli/main.ts", "audit")

const idsIn = async (project: ComposeProject): Promise<ReadonlySet<string>> => {
  const psql = ["psql", "--username", "postgres", "--no-align", "--tuples-only"]
  const sql = ["--dbname", "orders", "--command", "select id from orders"]
  const ids = await project.compose("exec", "-T", "postgres", ...psql, ...sql)
  return new Set(ids.split("\n"))
}

/** Runs a block in a folder that has only the backups, without a terminal. */
const shellFor = (project: ComposeProject, folder: string) => {
  const environment = {
    ...project.environment,
    COMPOSE_FILE: join(project.folder, "compose.yaml"),
  }
  return (block: string) =>
    run("bash", ["-e", "-o", "pipefail", "-c", `exec </dev/null\n${block}`], environment, folder)
}

/** Fails unless the backup is back, newer data is gone, and all books balance. */
const checkRestore = async (project: ComposeProject, inShell: ReturnType<typeof shellFor>) => {
  const { [all]: [dump, restore] = [], [one]: [restoreOne] = [] } = blocksFor(project)
  ok(dump !== undefined && restore !== undefined && restoreOne !== undefined)
  const before = await placeSome(project)
  await inShell(dump)
  const after = await placeSome(project)
  await inShell(restore)
  await untilFinal(project)
  const ids = await idsIn(project)
  deepStrictEqual(before.filter((id) => !ids.has(id)), [])
  deepStrictEqual(after.filter((id) => ids.has(id)), [])
  await audited(project)
  await inShell(restoreOne)
  await until("items answers again", 120_000, () => audited(project).then(() => true, () => false))
}

const signUpAda = async ({ baseUrl }: ComposeProject) => {
  const ada = { username: "ada", password: "correct horse battery", email: "ada@example.com" }
  const answer = await fetch(`${baseUrl}/api/auth/users/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(ada),
  })
  // The user may exist from an earlier run.
  ok(answer.ok || answer.status === 409, `ada cannot sign up: ${answer.status}`)
}

/** Fails if a command of the runbook fails, or if the system is damaged afterwards. */
export const checkRunbook = async (project: ComposeProject): Promise<string> => {
  const folder = mkdtempSync(join(tmpdir(), "unwind-runbook-"))
  const inShell = shellFor(project, folder)
  try {
    await checkRestore(project, inShell)
    await signUpAda(project)
    const others = Object.entries(blocksFor(project)).filter(([heading]) =>
      heading !== all && heading !== one
    )
    for (const [, blocks] of others) for (const block of blocks) await inShell(block)
    await project.compose("up", "--detach", "--wait")
    await placeSome(project)
    await audited(project)
    return `the runbook: restored, and ${others.length} more of its sections, all books balance`
  } finally {
    rmSync(folder, { recursive: true })
  }
}
