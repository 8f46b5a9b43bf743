/** What the command line is told by the environment: which system it speaks to, and as whom. */
import { optional, text, url } from "#shared/config/settings.ts"

export const unwindSettings = {
  UNWIND_URL: optional(url("the system that npm run unwind speaks to", ["http", "https"])),
  UNWIND_USER: optional(text("the operator who runs npm run unwind")),
  UNWIND_PASSWORD: optional(text("the operator's password")),
  UNWIND_TOKEN: optional(text("an access token of the operator, instead of name and password")),
}
