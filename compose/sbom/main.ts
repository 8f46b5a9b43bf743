/** `npm run sbom`: what the system is made of, and under which licences. */
import { join } from "node:path"
import { Console, Effect } from "effect"
import { command } from "#shared/command/command.ts"
import { sbomSyntax } from "./arguments.ts"
import { type Bill, billOfImage, billOfProject } from "./bill.ts"
import { cyclonedx } from "./cyclonedx.ts"
import { contentsOf } from "./image.ts"
import { licenceTable } from "./licences.ts"
import { spdx } from "./spdx.ts"

const root = join(import.meta.dirname!, "../..")

const printBill = (bill: Bill, form: "cyclonedx" | "spdx") =>
  Console.log(JSON.stringify((form === "spdx" ? spdx : cyclonedx)(bill), null, 2))

/** Returns the exit code. */
const printLicences = (bill: Bill) =>
  Effect.gen(function* () {
    const ships = new Set(billOfProject(root, false, bill.madeAt).components.map(({ ref }) => ref))
    const { lines, wrong } = licenceTable(bill.components, ({ ref }) => ships.has(ref))
    yield* Console.log(lines.join("\n"))
    if (wrong.length === 0) return 0
    yield* Console.error(`${wrong.join("\n")}\ncompose/sbom/licences.ts lists the allowed licences`)
    return 1
  })

command(sbomSyntax, ({ task, dev, image }) =>
  Effect.gen(function* () {
    const madeAt = new Date()
    const bill = image === undefined
      ? billOfProject(root, dev, madeAt)
      : billOfImage(image, yield* contentsOf(image), madeAt)
    return yield* task === "licences" ? printLicences(bill) : printBill(bill, task)
  })).main(process.argv.slice(2))
