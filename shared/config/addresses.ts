/**
 * The addresses of the services that a service calls: a setting for each, such as BILLING_URL. The
 * default is the address inside containers: the service's name and internal port.
 */
import { Schema } from "effect"
import { type CalleeOf, roster, type ServiceName } from "#shared/roster.ts"
import { type Setting, url } from "./settings.ts"

type AddressName<Callee extends ServiceName> = `${Uppercase<Callee>}_URL`

/** The name of the setting with a service's address. */
export const addressName = <Callee extends ServiceName>(callee: Callee) =>
  `${callee.toUpperCase()}_URL` as AddressName<Callee>

/** A service's address by default. */
export const defaultAddress = (name: ServiceName): string =>
  `http://${name}:${roster[name].internalPort}`

const calleesOf = <Caller extends ServiceName>(caller: Caller) =>
  roster[caller].calls as ReadonlyArray<CalleeOf<Caller>>

/** Paths are appended to an address, so a user, query or fragment would be lost silently. */
const isAddress = ({ username, search, hash }: URL) => `${username}${search}${hash}` === ""

/** The setting with a service's address. */
export const addressSetting = (name: ServiceName): Setting<URL> => {
  const usual = defaultAddress(name)
  const setting = url(`the address of ${name}, such as ${usual}`, ["http", "https"], usual)
  return {
    ...setting,
    schema: setting.schema.check(Schema.makeFilter(isAddress)),
    expects: `${setting.expects}, with no user, query or fragment`,
  }
}

/** The settings with the addresses of the services that `caller` calls. */
export const addressSettingsOf = <Caller extends ServiceName>(caller: Caller) =>
  Object.fromEntries(
    calleesOf(caller).map((name) => [addressName(name), addressSetting(name)]),
  ) as Readonly<Record<AddressName<CalleeOf<Caller>>, Setting<URL>>>

/** The addresses in those settings, by service. */
export const addressesIn = <Caller extends ServiceName>(
  caller: Caller,
  settings: Readonly<Record<AddressName<CalleeOf<Caller>>, URL>>,
) =>
  Object.fromEntries(
    calleesOf(caller).map((name) => [name, settings[addressName(name)]]),
  ) as unknown as Readonly<Record<CalleeOf<Caller>, URL>>
