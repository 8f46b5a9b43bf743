/** The entry point of the billing service. */
import { run } from "#shared/service/service.ts"
import { billing } from "./service.ts"

export default run(billing)
