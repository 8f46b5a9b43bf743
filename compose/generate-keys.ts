/** `npm run keys`, for containers. */
import { keys } from "./keys.ts"

keys.main(process.argv.slice(2))
