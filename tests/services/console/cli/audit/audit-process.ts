/**
 * The audit as people run it: a process of its own, on either runtime, with only the given
 * variables in its environment.
 */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { join } from "node:path"

const root = join(import.meta.dirname, "../../../../..")

export interface AuditEnd {
  readonly code: number | null
  readonly output: string
  readonly errors: string
}

type Environment = Readonly<Record<string, string>>

export const runAudit = (
  runtime: "node" | "deno",
  environment: Environment,
  ...flags: ReadonlyArray<string>
): Promise<AuditEnd> => auditFrom(root, runtime, environment, flags)

/** Runs the audit from the sources in the folder, which may be a copy. */
export const auditFrom = async (
  folder: string,
  runtime: "node" | "deno",
  environment: Environment,
  flags: ReadonlyArray<string> = [],
): Promise<AuditEnd> => {
  const child = spawn(
    join(root, "node_modules/.bin", runtime),
    [
      ...(runtime === "deno" ? ["run", "-A"] : []),
      "services/console/cli/main.ts",
      "audit",
      ...flags,
    ],
    {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        TMPDIR: process.env.TMPDIR,
        ...environment,
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  )
  let [output, errors] = ["", ""]
  child.stdout.on("data", (chunk) => output += chunk)
  child.stderr.on("data", (chunk) => errors += chunk)
  const [code] = await once(child, "close")
  return { code: code as number | null, output, errors }
}

/** What `--json` printed: the findings, and the sums. */
export const jsonOf = ({ output }: AuditEnd) => {
  const lines = output.trim().split("\n").map((line) => JSON.parse(line))
  return {
    findings: lines.slice(0, -1).map(({ kind, orderId, participant, healed }) =>
      [kind, participant, orderId, healed].join(" ")
    ).sort(),
    sums: lines.at(-1),
  }
}
