/**
 * Calls of our participants, one command a request, as an engine without batches sends them. The
 * token is signed as the orchestrator signs it (shared/security/service-tokens.ts), and kept for as
 * long.
 */
import { importJWK, type JWK, SignJWT } from "jose"
import { readFile } from "node:fs/promises"
import { Pool } from "undici"
import { given } from "./environment.ts"

export type ParticipantName = "billing" | "items" | "slots"

export interface Command {
  readonly orderId: string
  readonly action: "reserve" | "cancel"
  readonly resource: string
  readonly quantity: number
}

const tokenSeconds = 30
const connections = 64

const pool = (variable: string) => new Pool(given(variable), { connections })
const pools: Readonly<Record<ParticipantName, Pool>> = {
  billing: pool("BILLING_URL"),
  items: pool("ITEMS_URL"),
  slots: pool("SLOTS_URL"),
}
const key = await importJWK(
  JSON.parse(await readFile(given("SERVICE_PRIVATE_KEY"), "utf8")) as JWK,
  "EdDSA",
)
const tokens = new Map<ParticipantName, { readonly untilMs: number; token: Promise<string> }>()

/**
 * Whether the participant did it; false is a refusal. Rejects with everything else, and the engine
 * may try again.
 */
export const send = async (participant: ParticipantName, command: Command): Promise<boolean> => {
  const response = await pools[participant].request({
    method: "POST",
    path: "/internal/reservations",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await tokenFor(participant)}`,
    },
    body: JSON.stringify({ commands: [command] }),
  })
  if (response.statusCode !== 200) {
    throw new Error(`${participant}: ${response.statusCode} ${await response.body.text()}`)
  }
  const { outcomes } = await response.body.json() as { outcomes: [{ outcome: string }] }
  const [{ outcome }] = outcomes
  if (command.action === "reserve" && outcome === "rejected") return false
  if (outcome === (command.action === "reserve" ? "reserved" : "cancelled")) return true
  throw new Error(`${participant} answered a ${command.action} with ${outcome}`)
}

export const closeParticipants = async (): Promise<void> => {
  await Promise.all(Object.values(pools).map((each) => each.destroy()))
}

const tokenFor = (callee: ParticipantName): Promise<string> => {
  const kept = tokens.get(callee)
  if (kept !== undefined && kept.untilMs > Date.now()) return kept.token
  const seconds = Math.floor(Date.now() / 1000)
  const token = new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA", kid: "orchestrator", typ: "svc+jwt" })
    .setIssuer("orchestrator")
    .setAudience(callee)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + tokenSeconds)
    .sign(key)
  tokens.set(callee, { untilMs: (seconds + tokenSeconds / 2) * 1000, token })
  return token
}
