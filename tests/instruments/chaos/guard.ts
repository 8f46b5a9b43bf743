/**
 * Ensures that no process outlives the run, even if the run ends by kill -9, or a process is
 * stopped: a shell holds one end of a pipe, and kills the watched processes when the other end
 * closes.
 */
import { Effect, type Scope } from "effect"
import { spawn } from "node:child_process"
import { once } from "node:events"

export interface Guard {
  readonly watch: (pid: number) => void
  /** For a process that has ended: the system may reuse its id. */
  readonly forget: (pid: number) => void
}

const script = `trap "" HUP INT QUIT TERM
pids=" "
while read -r change pid; do
  case $change in
    watch) pids="$pids$pid " ;;
    forget) pids="\${pids%% $pid *} \${pids##* $pid }" ;;
  esac
done
for pid in $pids; do kill -KILL "$pid"; done`

/** Guards until the scope closes, and then kills the processes that it still watches. */
export const startGuard: Effect.Effect<Guard, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.sync(() =>
      // Detached: signals to the process group of the run do not reach it.
      spawn("sh", ["-c", script], { detached: true, stdio: ["pipe", "ignore", "ignore"] })
    ),
    (shell) =>
      Effect.promise(async () => {
        const gone = once(shell, "exit")
        shell.stdin.end()
        await gone
      }),
  ),
  ({ stdin }) => ({
    watch: (pid) => void stdin.write(`watch ${pid}\n`),
    forget: (pid) => void stdin.write(`forget ${pid}\n`),
  }),
)
