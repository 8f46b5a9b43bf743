/**
 * The demo: one new customer, four orders, and for each a drawing of what happened and whether it
 * was expected.
 */
import { Effect } from "effect"
import type { OrderDetails } from "#shared/contracts/order-state.ts"
import { customerApi } from "../customer-api.ts"
import { drawDiagram } from "../diagram.ts"
import { differences, endingOf, scenario, type Scene } from "./scenario.ts"
import type { Paint } from "../terminal.ts"

export interface WalkOptions {
  readonly baseUrl: string
  readonly paint: Paint
  readonly print: (text: string) => Effect.Effect<void>
}

export interface Tally {
  readonly orders: number
  readonly asExpected: number
}

/** Runs the scenario. Returns how many orders ended as expected. Fails with ApiError. */
export const walk = ({ baseUrl, paint, print }: WalkOptions) =>
  Effect.gen(function* () {
    const api = customerApi(baseUrl)
    const username = `demo-${crypto.randomUUID().slice(0, 8)}`
    const credentials = { username, password: crypto.randomUUID() }
    yield* api.signUp({ ...credentials, email: `${username}@example.com` })
    const { access } = yield* api.logIn(credentials)
    const { wallet } = yield* api.account(access, username)
    yield* print(`\n${username} has signed up at ${baseUrl}. The wallet holds ${wallet}.`)

    const play = Effect.fnUntraced(function* (scene: Scene, number: number) {
      yield* print(`\n${paint("strong", `${number + 1}. ${describe(scene)}`)}\n`)
      const { id } = yield* api.placeOrder(access, scene.order)
      const order = yield* api.order(access, id)
      const { wallet } = yield* api.account(access, username)
      yield* print(drawDiagram(order, paint))
      const wrong = differences(scene.ending, endingOf(order, wallet))
      yield* print(`\n   ${outcome(order, wallet)}: ${judgement(scene, wrong, paint)}`)
      return wrong.length === 0
    })
    const right = yield* Effect.forEach(scenario, play)
    const asExpected = right.filter(Boolean).length
    return { orders: right.length, asExpected } satisfies Tally
  })

const describe = ({ title, order: { amount, item, slot } }: Scene) =>
  `${amount} for item ${item} in slot ${slot}: ${title}`

const outcome = ({ status, reason }: OrderDetails, wallet: number) =>
  `${status}${reason === null ? "" : ` (${reason})`}, wallet ${wallet}`

const judgement = ({ remedy }: Scene, wrong: ReadonlyArray<string>, paint: Paint) =>
  wrong.length === 0
    ? paint("good", "as expected")
    : [paint("bad", "NOT as expected"), ...wrong, ...(remedy ? [remedy] : [])].join("\n     ")
