/**
 * The folder that a server of the embedded run works in, and the account it runs under. PostgreSQL
 * refuses to run as root, so under root a server runs as the owner of its folder, `nobody` for a
 * new one; everybody else runs it as themselves. `nobody` need not be able to walk to the folder: a
 * checkout below a private /root works.
 */
import { Effect } from "effect"
import { type ChildProcess, type IOType, spawn, spawnSync } from "node:child_process"
import fs from "node:fs"
import { inDataFolder, StartError } from "./start-error.ts"

export interface Account {
  readonly uid: number
  readonly gid: number
}

export interface ServerFolder {
  readonly path: string
  /** Under root: the account that owns the folder and runs the server. */
  readonly account: Account | undefined
}

/** On every current Linux. An account without a name would not do: initdb asks for it. */
const nobody: Account = { uid: 65_534, gid: 65_534 }

/**
 * The account to run a server under that works in this folder, which need not exist yet: none but
 * for root. Fails with StartError under root on a system other than Linux.
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
 * Makes the folder where there is none, and gives it to its account. Fails with StartError when it
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
 * The folder's path as a process that `spawnIn` started has to name it. Linux leads through this
 * one to the folder itself, whatever lies above it, and it stays right after the process changed
 * into it.
 */
export const ownPath = (folder: ServerFolder): string =>
  folder.account ? "/proc/self/cwd" : folder.path

/**
 * What a server gets of our environment; the rest (secrets, PG* settings of the person at the
 * terminal) is not its own.
 */
export const serverEnvironment = () => ({
  PATH: process.env["PATH"],
  SystemRoot: process.env["SystemRoot"],
  LC_ALL: "C",
})

/**
 * Starts a command inside the folder, under the folder's account and out of reach of the terminal's
 * Ctrl-C.
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
  // The parents of the folder may not let the account through, so it is handed the open folder.
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
