/** `npm run keys`, as containers have it too. */
import { keys } from "./keys.ts"

keys.main(process.argv.slice(2))
