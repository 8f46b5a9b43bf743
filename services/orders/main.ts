/** The entry of the orders service. */
import { run } from "#shared/service/service.ts"
import { orders } from "./service.ts"

run(orders)
