/** The entry of `npm run conformance`. */
import { conformance } from "./command.ts"

conformance.main(process.argv.slice(2))
