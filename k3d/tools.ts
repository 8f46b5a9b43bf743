/** The programs that `npm run k3d:up` needs, with their minimum versions. */
import { Effect } from "effect"
import { read, type ShellCommand, StepError } from "./commands.ts"

interface Tool {
  readonly name: string
  /** Prints the version, among other things. */
  readonly version: ShellCommand
  readonly oldest: string
  readonly from: string
}

const docker: Tool = {
  name: "docker",
  version: ["docker", "version", "--format", "Docker {{.Server.Version}}"],
  oldest: "23.0",
  from: "https://docs.docker.com/get-started/get-docker/",
}
const k3d: Tool = {
  name: "k3d",
  version: ["k3d", "version"],
  oldest: "5.5",
  from: "https://k3d.io/#installation",
}
const kubectl: Tool = {
  name: "kubectl",
  version: ["kubectl", "version", "--client"],
  oldest: "1.27",
  from: "https://kubernetes.io/docs/tasks/tools/",
}

/** For making and filling a cluster. */
export const toolsToBringUp = [docker, k3d, kubectl]
/** For removing a cluster. */
export const toolsToTakeDown = [docker, k3d]

/**
 * Succeeds when all are installed, and Docker is running. Fails with StepError, with a line for
 * each problem.
 */
export const checkTools = (tools: ReadonlyArray<Tool>) =>
  Effect.gen(function* () {
    const problems = yield* Effect.forEach(tools, problemWith, { concurrency: "unbounded" })
    const found = problems.filter((problem) => problem !== undefined)
    if (found.length === 0) return
    return yield* new StepError({ message: `This needs ${found.join("\nand it needs ")}` })
  })

const problemWith = ({ name, version, oldest, from }: Tool) =>
  read(version, "").pipe(
    Effect.match({
      onSuccess: (printed) => {
        const found = /v?(\d+\.\d+)[\d.]*/.exec(printed)?.[1]
        return found !== undefined && isOlder(found, oldest)
          ? `${name} ${oldest} or newer, but this is ${found}: update it (${from})`
          : undefined
      },
      onFailure: ({ message }) =>
        message.includes("ENOENT")
          ? `${name}, which is not on the PATH: install ${oldest} or newer (${from})`
          : `${name} to answer, but it does not: start it, and check that \`${
            version.join(" ")
          }\` works`,
    }),
  )

const isOlder = (found: string, oldest: string): boolean => {
  const [[major = 0, minor = 0], [oldestMajor = 0, oldestMinor = 0]] = [found, oldest].map((text) =>
    text.split(".").map(Number)
  ) as [Array<number>, Array<number>]
  return major < oldestMajor || (major === oldestMajor && minor < oldestMinor)
}
