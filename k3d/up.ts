/** `npm run k3d:up`: the whole system on a k3d cluster of its own. Running it again is harmless. */
import { runMain } from "#shared/service/run-main.ts"
import { bringUp } from "./bring-up.ts"
import { unfinishedWhenStopped } from "./commands.ts"

/** As k3d/cluster.yaml publishes the ingress. */
runMain(bringUp(8080).pipe(unfinishedWhenStopped))
