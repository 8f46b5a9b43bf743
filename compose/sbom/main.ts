/** `npm run sbom`: what the system is made of, and under which licences. */
import { join } from "node:path"
import { Effect } from "effect"
import { runMain } from "#shared/service/run-main.ts"
import { help, parseArguments, type Run } from "./arguments.ts"
import { type Bill, billOfImage, billOfProject } from "./bill.ts"
import { cyclonedx } from "./cyclonedx.ts"
import { contentsOf } from "./image.ts"
import { licenceTable } from "./licences.ts"
import { spdx } from "./spdx.ts"

const root = join(import.meta.dirname, "../..")

/** The process ends right after, and what a pipe has not taken by then is lost. */
const print = (text: string) =>
  Effect.callback<void>((resume) => {
    process.stdout.write(`${text}\n`, () => resume(Effect.void))
  })

const printBill = (bill: Bill, form: "cyclonedx" | "spdx") =>
  print(JSON.stringify((form === "spdx" ? spdx : cyclonedx)(bill), null, 2))

const printLicences = (bill: Bill) =>
  Effect.gen(function* () {
    const ships = new Set(billOfProject(root, false, bill.madeAt).components.map(({ ref }) => ref))
    const { lines, wrong } = licenceTable(bill.components, ({ ref }) => ships.has(ref))
    yield* print(lines.join("\n"))
    if (wrong.length === 0) return
    console.error(`${wrong.join("\n")}\nAllowed is what compose/sbom/licences.ts says`)
    process.exitCode = 1
  })

const main = ({ task, dev, image }: Run) =>
  Effect.gen(function* () {
    const madeAt = new Date()
    const bill = image === undefined
      ? billOfProject(root, dev, madeAt)
      : billOfImage(image, yield* contentsOf(image), madeAt)
    yield* task === "licences" ? printLicences(bill) : printBill(bill, task)
  })

const given = parseArguments(process.argv.slice(2))
switch (given.task) {
  case "help":
    console.log(help)
    break
  case "refuse":
    console.error(given.message)
    process.exitCode = 2
    break
  default:
    runMain(main(given), 130)
}
