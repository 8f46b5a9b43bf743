/** The entry of the orchestrator. */
import { run } from "#shared/service/service.ts"
import { orchestrator } from "./service.ts"

export default run(orchestrator)
