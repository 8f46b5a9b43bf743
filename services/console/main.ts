/** The entry of the console. */
import { run } from "#shared/service/service.ts"
import { console } from "./service.ts"

export default run(console)
