/** `npm run operators`, as containers have it too. */
import { operators } from "./command.ts"

operators.main(process.argv.slice(2))
