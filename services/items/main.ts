/** The entry point of the items service. */
import { run } from "#shared/service/service.ts"
import { items } from "./service.ts"

export default run(items)
