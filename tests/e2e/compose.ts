/**
 * The containers, tested: for each image variant it builds, starts, and checks what is logged, what
 * a container may do, who reaches whom, the end-to-end tests and faults under load; with --all also
 * everything that takes long. `npm run e2e:compose -- --help` has the details. Exits with 0 if
 * everything holds, 1 if something does not, and 69 if Compose cannot be used.
 */
import { rejects } from "node:assert/strict"
import { checkChanges, checkLiveReload, checkRemoval, checkStart } from "./compose-changes.ts"
import { checkContainment } from "./compose-containment.ts"
import { checkContents } from "./compose-contents.ts"
import { checkFaults, faults } from "./compose-faults.ts"
import { withIngress } from "./compose-ingress.ts"
import { checkMemory } from "./compose-memory.ts"
import { checkNetwork } from "./compose-network.ts"
import { type ComposeProject, composeProject, run, whyNoCompose } from "./compose-project.ts"
import { optionsOf } from "#shared/command/command.ts"
import { syntax } from "#shared/command/syntax.ts"
import { oneOf } from "#shared/command/values.ts"
import { plentyOfOrders } from "#tests/support/plenty-of-orders.ts"
import { copySources } from "./compose-sources.ts"
import { rotations } from "./compose-rotation.ts"
import { checkRunbook } from "./compose-runbook.ts"
import { checkTls } from "./compose-tls.ts"
import { withoutPinsOf } from "./local-images.ts"

const openings = { walletMinor: 10_000, stock: 100_000, capacity: 100_000 }
const settings = {
  ...plentyOfOrders,
  ITEM_STOCK: `${openings.stock}`,
  SLOT_CAPACITY: `${openings.capacity}`,
  // So that an audit that starts too early is noticed.
  AUDIT_EVERY: "1 second",
  // Long enough for a busy machine to restart whatever an order waits for.
  ORDER_DEADLINE: "30 minutes",
}

const startedAt = performance.now()
const tell = (what: string) =>
  console.log(`[${((performance.now() - startedAt) / 1000).toFixed(0).padStart(3)} s] ${what}`)

/** The end-to-end tests of the public API, on the Node that runs this. */
const endToEnd = async (baseUrl: string): Promise<string> => {
  const vitest = ["node_modules/vitest/vitest.mjs", "run", "tests/e2e/api.test.ts"]
  const output = await run(process.execPath, vitest, { E2E_BASE_URL: baseUrl, NO_COLOR: "1" })
  return `end-to-end tests: ${/Tests +(.*)/.exec(output)?.[1]}`
}

/** A wrong setting is named, and the services that need it do not start. */
const checkWrongSetting = async (project: ComposeProject): Promise<string> => {
  const wrong = { ITEM_STOCK: "many" }
  await rejects(project.composeWith(wrong, "up", "--detach"), /"setup" didn't complete/)
  const message = /ITEM_STOCK is wrong: .*/.exec(await project.compose("logs", "setup"))?.[0]
  if (message === undefined || (await project.containers()).length > 0) {
    throw new Error("A wrong setting is not reported before anything is started")
  }
  return `a wrong setting: ${message}`
}

const tryVariant = async (runtime: string, all: boolean) => {
  const environment = { ...settings, RUNTIME: runtime }
  const sources = copySources()
  const unpinned = await withoutPinsOf(sources)
  if (unpinned.length > 0) tell(`this machine's own images, not pinned: ${unpinned.join(", ")}`)
  const project = await composeProject("unwind-e2e", sources, environment)
  const stop = () => void project.down().finally(() => process.exit(130))
  process.once("SIGINT", stop)
  try {
    await project.down()
    tell(`${runtime}: building`)
    await project.compose("build")
    tell(await checkWrongSetting(project))
    tell("starting")
    await project.compose("up", "--detach", "--wait")
    tell(`healthy: ${await checkStart(project)}`)
    tell(await checkContents(sources, `unwind:dev-${runtime}`))
    tell(await checkContainment(project))
    // The engine decides who reaches whom; both runtimes are alike.
    if (runtime === "node") tell(await checkNetwork(project))
    tell(await endToEnd(project.baseUrl))
    if (runtime === "node") tell(await checkTls(project))
    // Kubernetes runs the image of Node.
    if (runtime === "node") tell(`behind an ingress, ${await withIngress(project, endToEnd)}`)
    // The engine decides how a secret is changed; both runtimes are alike.
    const tried = runtime === "node" ? { ...faults, ...rotations } : faults
    if (runtime === "node" || all) {
      tell(await checkFaults(project, openings, tried, (what) => tell(`  ${what}`)))
    }
    if (runtime === "node") tell(`memory: ${await checkMemory(project)}`)
    if (runtime === "node" && all) tell(await checkRunbook(project))
    if (all) {
      await project.compose("--env-file", "compose/upstash.env", "up", "--detach", "--wait")
      tell(
        `the queue is at ${await project.compose("exec", "-T", "orders", "printenv", "QUEUE_URL")}`,
      )
      tell(await endToEnd(project.baseUrl))
    }
    tell(await checkRemoval(project))
    // Compose decides how a change is applied; both runtimes are alike.
    if (runtime === "node" && all) {
      await project.compose("up", "--detach", "--wait")
      tell(await checkChanges(project))
      tell(await checkLiveReload(project))
    }
  } catch (error) {
    console.error(await project.compose("logs", "--tail=20").catch(() => "There are no logs"))
    throw error
  } finally {
    await project.down()
    process.off("SIGINT", stop)
  }
}

const known = ["node", "deno"] as const

const composeSyntax = syntax({
  call: "npm run e2e:compose",
  usage: "[-- node] [deno] [--all]",
  about: "Tests the containers, of both image variants if none is named.",
  options: {
    all: {
      type: "boolean",
      says: "also what takes long: the queue at Upstash, faults with Deno, changes, the runbook",
    },
  },
  closing:
    `Exits with 0 when all holds, with 1 when something does not, with 2 for an unknown variant, and with
69 where Compose cannot be used.`,
  words: { least: 0, most: 2, what: known.join(" and ") },
  read: ({ all = false }, words) => ({
    all,
    variants: words.length > 0 ? words.map((word) => oneOf("A variant", word, known)) : known,
  }),
})

const tryAll = async (
  { variants, all }: { readonly variants: ReadonlyArray<string>; readonly all: boolean },
) => {
  const why = await whyNoCompose()
  if (why !== undefined) {
    console.error(`The containers were NOT tried. ${why}`)
    process.exitCode = 69
    return
  }
  try {
    for (const variant of variants) await tryVariant(variant, all)
    tell(`${variants.join(" and ")}: all holds`)
  } catch (error) {
    console.error((error as Error).message)
    process.exitCode = 1
  }
}

const options = optionsOf(composeSyntax, process.argv.slice(2))
if (options !== undefined) await tryAll(options.given)
