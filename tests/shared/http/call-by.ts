/**
 * Calls the service at the URL in the last argument, and prints its answer; a process of its own.
 */
import { Effect } from "effect"
import { get } from "#shared/http/client.ts"

const url = new URL(process.argv.at(-1)!)
const callee = { name: "billing", url, token: Effect.succeed("a.b.c"), timeoutMs: 20_000 }
console.log(JSON.stringify(await Effect.runPromise(get(callee, "/things"))))
process.exit()
