/** The console: the single entry point of operators to all services. It stores nothing. */
import { Layer } from "effect"
import { addressesIn, addressSettingsOf } from "#shared/config/addresses.ts"
import { trustProxySetting } from "#shared/config/trust-proxy.ts"
import { faultsSetting } from "#shared/faults/setting.ts"
import { privateKeySetting, serviceSignerLayer } from "#shared/security/service-tokens.ts"
import { userTokenSettings, userVerifierLayer } from "#shared/security/user-tokens.ts"
import { service } from "#shared/service/service.ts"
import { consoleApp } from "./app.ts"
import { peersLayer } from "./peers.ts"
import { Trail } from "./trail.ts"

export const console = service({
  name: "console",
  settings: {
    ...privateKeySetting,
    ...userTokenSettings,
    ...trustProxySetting,
    ...faultsSetting,
    ...addressSettingsOf("console"),
  },
  layers: (settings) =>
    Trail.layer.pipe(
      Layer.provideMerge(peersLayer(addressesIn("console", settings))),
      Layer.provide(serviceSignerLayer("console", settings.SERVICE_PRIVATE_KEY)),
      Layer.merge(userVerifierLayer(settings)),
    ),
  app: ({ TRUST_PROXY: trustProxy, FAULTS: faults }) => consoleApp({ trustProxy, faults }),
})
