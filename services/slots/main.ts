/** The entry point of the slots service. */
import { run } from "#shared/service/service.ts"
import { slots } from "./service.ts"

export default run(slots)
