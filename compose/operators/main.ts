/** `npm run operators`, for containers. */
import { operators } from "./command.ts"

operators.main(process.argv.slice(2))
