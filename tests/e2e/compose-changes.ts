/**
 * What a person sees of a start and of a change: no warnings without a reason, and never the old
 * code without a word.
 */
import { deepStrictEqual, match, ok } from "node:assert/strict"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { serviceNames } from "#shared/roster.ts"
import { until } from "#tests/support/customer.ts"
import { type ComposeProject, run } from "./compose-project.ts"
import { saveChange } from "./compose-sources.ts"

const logsOf = (project: ComposeProject, ...services: ReadonlyArray<string>) =>
  project.compose("logs", "--no-color", "--no-log-prefix", ...services)

/** Fails unless a good start logs nothing but that, by name. Returns the last message. */
export const checkStart = async (project: ComposeProject): Promise<string> => {
  for (const name of serviceNames) {
    const entries = (await logsOf(project, name)).split("\n").map((line) =>
      JSON.parse(line) as { readonly service: string; readonly level: string }
    )
    ok(entries.length > 0, `${name} logs nothing`)
    for (const entry of entries) {
      deepStrictEqual([entry.service, entry.level], [name, "INFO"], JSON.stringify(entry))
    }
  }
  const said = await logsOf(project, "gateway")
  match(
    said,
    new RegExp(`^Unwind is ready: http://localhost:${new URL(project.baseUrl).port}/docs`),
  )
  return said
}

const idsOf = async (project: ComposeProject) =>
  Object.fromEntries((await project.containers()).map(({ service, id }) => [service, id]))

/** The containers that another `up` replaces. */
const replacedByUp = async (project: ComposeProject) => {
  const before = await idsOf(project)
  await project.compose("up", "--detach", "--wait")
  const after = await idsOf(project)
  return Object.keys(after).filter((service) => after[service] !== before[service]).sort()
}

/** Fails unless `up` applies the changes, and nothing else. Returns a line about what was tried. */
export const checkChanges = async (project: ComposeProject): Promise<string> => {
  const save = (file: string, change: (text: string) => string) =>
    saveChange(project.folder, file, change)
  deepStrictEqual(await replacedByUp(project), [], "replaced without a change")
  save("compose/redis/redis.conf", (text) => text.replace("maxmemory 128mb", "maxmemory 127mb"))
  save("compose/gateway/nginx.conf", (text) => text.replace("302 /docs;", "302 /docs?changed;"))
  deepStrictEqual(await replacedByUp(project), ["gateway", "redis"])
  const home = await fetch(project.baseUrl, { redirect: "manual" })
  match(home.headers.get("location") ?? "", /changed/)
  match(
    await run("docker", ["exec", (await idsOf(project))["redis"]!, "cat", "/etc/redis.conf"]),
    /127mb/,
  )
  save("services/slots/main.ts", (text) => `${text}console.log("changed")\n`)
  deepStrictEqual(await replacedByUp(project), [...serviceNames].sort())
  match(await logsOf(project, "slots"), /^changed$/m)
  return "a change of redis.conf, nginx.conf and a service comes in by `up`, and no other does"
}

/** Fails unless a service restarts when an editor saves its sources, and no other service does. */
export const checkLiveReload = async (project: ComposeProject): Promise<string> => {
  const before = await idsOf(project)
  const files = ["-f", "compose.yaml", "-f", "compose/development.yaml"]
  const watching = spawn("docker", ["compose", ...files, "up", "--watch"], {
    ...{ cwd: project.folder, env: { ...process.env, ...project.environment }, stdio: "ignore" },
  })
  const ended = once(watching, "exit")
  const startedAt = async () => {
    const words = ["inspect", "--format", "{{.State.StartedAt}}", (await idsOf(project))["items"]!]
    return await run("docker", words)
  }
  const save = (n: number) => {
    saveChange(
      project.folder,
      "services/slots/main.ts",
      (text) => text.replace(/console\.log\(.*/, `console.log("save ${n}")`),
    )
  }
  try {
    // Until everything is up, Compose gives up if a container restarts that others wait for.
    await until("everything is up with the local sources", 180_000, async () => {
      const { slots } = await idsOf(project)
      if (slots === undefined || slots === before["slots"]) return false
      const health = (await project.compose("ps", "--format", "{{.Health}}")).split("\n")
      return health.length === Object.keys(before).length && health.every((h) => h === "healthy")
    })
    const itemsStartedAt = await startedAt()
    for (const n of [1, 2, 3]) {
      save(n)
      await until(
        `save ${n} is seen`,
        120_000,
        async () => (await logsOf(project, "slots")).split("\n").includes(`save ${n}`),
      )
    }
    deepStrictEqual(await startedAt(), itemsStartedAt, "items was started again")
  } finally {
    watching.kill("SIGINT")
    await ended
  }
  return "three saves by renaming, three restarts of slots, none of items"
}

/** Fails if `down -v` leaves anything of the project. */
export const checkRemoval = async (project: ComposeProject): Promise<string> => {
  await project.down()
  const label = `label=com.docker.compose.project=${project.name}`
  for (const kind of [["ps", "--all"], ["network", "ls"], ["volume", "ls"]]) {
    const left = await run("docker", [...kind, "--quiet", "--filter", label])
    deepStrictEqual(left, "", `left by down: ${kind.join(" ")}`)
  }
  return "down --volumes leaves nothing, however the project was started"
}
