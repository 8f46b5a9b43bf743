/**
 * Calls of the participants, one command a request: an engine without batches sends them like this.
 * With SERVICE_PRIVATE_KEY, each request has a token like the orchestrator's, signed again after
 * half of its lifetime.
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

const endpoint = (variable: string) => {
  const { origin, pathname } = new URL(given(variable))
  return { pool: new Pool(origin, { connections }), path: pathname }
}
const endpoints = {
  billing: endpoint("BILLING_URL"),
  items: endpoint("ITEMS_URL"),
  slots: endpoint("SLOTS_URL"),
}

const keyFile = process.env.SERVICE_PRIVATE_KEY
const key = keyFile
  ? await importJWK(JSON.parse(await readFile(keyFile, "utf8")) as JWK, "EdDSA")
  : undefined
const tokens = new Map<ParticipantName, { readonly untilMs: number; token: Promise<string> }>()

/**
 * Resolves with true when the participant did it, and with false when it rejected the reserve.
 * Rejects with everything else; the engine may retry.
 */
export const send = async (participant: ParticipantName, command: Command): Promise<boolean> => {
  const { pool, path } = endpoints[participant]
  const response = await pool.request({
    method: "POST",
    path,
    headers: { "content-type": "application/json", ...await authorization(participant) },
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
  await Promise.all(Object.values(endpoints).map(({ pool }) => pool.destroy()))
}

const authorization = async (callee: ParticipantName) =>
  key && { authorization: `Bearer ${await tokenFor(callee, key)}` }

const tokenFor = (
  callee: ParticipantName,
  signingKey: Awaited<ReturnType<typeof importJWK>>,
): Promise<string> => {
  const kept = tokens.get(callee)
  if (kept !== undefined && kept.untilMs > Date.now()) return kept.token
  const seconds = Math.floor(Date.now() / 1000)
  const token = new SignJWT({})
    .setProtectedHeader({ alg: "EdDSA", kid: "orchestrator", typ: "svc+jwt" })
    .setIssuer("orchestrator")
    .setAudience(callee)
    .setIssuedAt(seconds)
    .setExpirationTime(seconds + tokenSeconds)
    .sign(signingKey)
  tokens.set(callee, { untilMs: (seconds + tokenSeconds / 2) * 1000, token })
  return token
}
