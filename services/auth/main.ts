/** The entry point of the auth service. */
import { run } from "#shared/service/service.ts"
import { auth } from "./service.ts"

export default run(auth)
