/** Billing: accounts with wallets. A participant of the order saga that reserves money. */
import { Layer } from "effect"
import { join } from "node:path"
import { whole } from "#shared/config/settings.ts"
import { participantLayers, participantSettings } from "#shared/reservations/participant.ts"
import { service } from "#shared/service/service.ts"
import { accountsLayer } from "./accounts.ts"
import { billingApp } from "./app.ts"

/** What billing reserves, and the table that holds it. */
export const money = {
  name: "billing",
  one: "account",
  table: "accounts",
  key: "username",
  balance: "wallet",
  migrations: join(import.meta.dirname!, "migrations"),
} as const

export const billing = service({
  name: money.name,
  settings: {
    ...participantSettings,
    OPENING_WALLET_MINOR: whole("the minor units in the wallet of a new account", {
      minimum: 0,
      maximum: 1_000_000_000_00,
    }, 100_00),
  },
  layers: (settings) =>
    accountsLayer(settings.OPENING_WALLET_MINOR).pipe(
      Layer.provideMerge(participantLayers(money, settings)),
    ),
  app: ({ FAULTS }) => billingApp(FAULTS),
})
