/** `npm run k3d:down`: removes the cluster with all its data. Running it again is harmless. */
import { Effect } from "effect"
import { runMain } from "#shared/service/run-main.ts"
import { removeCluster } from "./cluster.ts"
import { unfinishedWhenStopped } from "./commands.ts"
import { checkTools, toolsToTakeDown } from "./tools.ts"

const takeDown = Effect.andThen(checkTools(toolsToTakeDown), removeCluster)

runMain(takeDown.pipe(unfinishedWhenStopped))
