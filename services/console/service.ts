/** The console: the one door of operators, to what the other services tell and do for it. It keeps no state of its own. */
import { Layer } from "effect"
import { addressSettingsOf } from "#shared/config/addresses.ts"
import { privateKeySetting, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { userTokenSettings, userVerifierLayer } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { consoleApp } from "./app.ts"

export const console = service({
  name: "console",
  settings: {
    ...privateKeySetting,
    ...userTokenSettings,
    ...addressSettingsOf("console"),
  },
  layers: (settings) =>
    Layer.merge(
      userVerifierLayer(settings),
      serviceSignerLayer("console", settings.SERVICE_PRIVATE_KEY),
    ),
  app: () => consoleApp,
})
