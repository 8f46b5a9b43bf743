/** The entry point of the orders service. */
import { run } from "#shared/service/service.ts"
import { orders } from "./service.ts"

export default run(orders)
