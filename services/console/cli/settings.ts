/** The settings of the command line: the system's address, and who signs in. */
import { optional, text, url } from "#shared/config/settings.ts"

export const unwindSettings = {
  UNWIND_URL: optional(url("the address of the system for npm run unwind", ["http", "https"])),
  UNWIND_USER: optional(text("the operator who runs npm run unwind")),
  UNWIND_PASSWORD: optional(text("the operator's password")),
  UNWIND_TOKEN: optional(text("an access token of the operator, instead of name and password")),
}
