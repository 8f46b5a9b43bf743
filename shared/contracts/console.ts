/** What the console tells operators. */
import { Schema } from "effect"

export const Operator = Schema.Struct({ username: Schema.String }).annotate({
  identifier: "Operator",
})
