/** `npm run k3d:up`: the whole system on its own k3d cluster. Running it again is harmless. */
import { runMain } from "#shared/service/run-main.ts"
import { bringUp } from "./bring-up.ts"
import { unfinishedWhenStopped } from "./commands.ts"

/** The ingress port in k3d/cluster.yaml. */
runMain(bringUp(8080).pipe(unfinishedWhenStopped))
