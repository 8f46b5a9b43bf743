/** Whether operators may break things on purpose; otherwise nothing that can do so exists. */
import { Schema, SchemaGetter } from "effect"
import type { Setting } from "#shared/config/settings.ts"

const allowed: Setting<boolean> = {
  schema: Schema.Literals(["0", "1"]).pipe(
    Schema.decodeTo(Schema.Boolean, {
      decode: SchemaGetter.transform((value) => value === "1"),
      encode: SchemaGetter.transform((value) => value ? "1" as const : "0" as const),
    }),
  ),
  expects: "1, to let operators set faults, or 0",
  default: "0",
  // NODE_ENV is production in the services' image: there, faults take a change of two settings.
  conflict: (value, environment) =>
    value === "1" && environment["NODE_ENV"]?.trim() === "production"
      ? "it cannot be 1 while NODE_ENV is production: set FAULTS to 0, or NODE_ENV to development"
      : undefined,
}

export const faultsSetting = { FAULTS: allowed }
