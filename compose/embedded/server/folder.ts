/**
 * The working folder of a server of the embedded run, and its account. PostgreSQL refuses to run as
 * root, so under root a server runs as the owner of its folder, which is `nobody` for a new folder;
 * other users run it as themselves. `nobody` does not need access to the parent folders: a checkout
 * below a private /root works.
 */
import { Effect } from "effect"
import { type ChildProcess, type IOType, spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import { inDataFolder, StartError } from "../start-error.ts"

export interface Account {
  readonly uid: number
  readonly gid: number
}

export interface ServerFolder {
  readonly path: string
  /** Under root: the account that owns the folder and runs the server. */
  readonly account: Account | undefined
}

/** The same on every current Linux. The account needs a name, since initdb looks it up. */
const nobody: Account = { uid: 65_534, gid: 65_534 }

/**
 * The account for a server in this folder, which may not exist yet: undefined unless we are root.
 * Fails with StartError under root on a system other than Linux.
 */
export const serverAccount = (folder: string): Effect.Effect<Account | undefined, StartError> => {
  if (process.getuid?.() !== 0) return Effect.succeed(undefined)
  if (process.platform !== "linux") {
    return new StartError({ message: "PostgreSQL refuses to run as root: start as another user" })
  }
  return inDataFolder(folder, () => {
    const owner = fs.statSync(folder, { throwIfNoEntry: false })
    return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : nobody
  })
}

/**
 * Makes the folder if it is missing, and gives it to its account. Fails with StartError when it
 * cannot be used.
 */
export const openServerFolder = (folder: string): Effect.Effect<ServerFolder, StartError> =>
  serverAccount(folder).pipe(
    Effect.flatMap((account) =>
      inDataFolder(folder, () => {
        fs.mkdirSync(folder, { recursive: true, mode: 0o700 })
        if (account && fs.statSync(folder).uid !== account.uid) {
          const chown = spawnSync("chown", ["-R", `${account.uid}:${account.gid}`, folder])
          if (chown.status !== 0) throw chown.error ?? new Error(`chown: exit code ${chown.status}`)
        }
        return { path: folder, account }
      })
    ),
  )

/**
 * The folder's path for a process that `spawnIn` started. On Linux, /proc/self/cwd reaches the
 * folder regardless of its parents, and stays valid after the process has changed into it.
 */
export const ownPath = (folder: ServerFolder): string =>
  folder.account ? "/proc/self/cwd" : folder.path

/**
 * The part of our environment that a server gets; the rest (secrets, the user's PG* settings) is
 * not for it.
 */
export const serverEnvironment = () => ({
  PATH: process.env["PATH"],
  SystemRoot: process.env["SystemRoot"],
  LC_ALL: "C",
})

/**
 * Starts a command inside the folder, under the folder's account; the terminal's Ctrl-C does not
 * reach it.
 */
export const spawnIn = (
  folder: ServerFolder,
  [command, ...args]: readonly [string, ...Array<string>],
  stdio: readonly [IOType | number, IOType | number, IOType | number],
): ChildProcess => {
  const options = { detached: true, env: serverEnvironment(), windowsHide: true }
  if (folder.account === undefined) {
    return spawn(command, args, { ...options, cwd: folder.path, stdio: [...stdio] })
  }
  // The account may lack access to the folder's parents, so it gets an open handle.
  const handle = fs.openSync(folder.path, "r")
  const enter = 'cd /proc/self/fd/3 && exec "$@" 3<&-'
  try {
    return spawn("/bin/sh", ["-c", enter, "sh", command, ...args], {
      ...options,
      ...folder.account,
      cwd: "/",
      stdio: [...stdio, handle],
    })
  } finally {
    fs.closeSync(handle)
  }
}
