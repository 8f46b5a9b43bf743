/**
 * Where the services are that a service calls: a setting for each, such as BILLING_URL. Its default
 * is where containers find it: by its name, at its internal port.
 */
import { Schema } from "effect"
import { type CalleeOf, roster, type ServiceName } from "#shared/roster.ts"
import { type Setting, url } from "./settings.ts"

type AddressName<Callee extends ServiceName> = `${Uppercase<Callee>}_URL`

/** The name of the setting that says where a service is. */
export const addressName = <Callee extends ServiceName>(callee: Callee) =>
  `${callee.toUpperCase()}_URL` as AddressName<Callee>

/** Where a service is unless its setting says otherwise. */
export const defaultAddress = (name: ServiceName): string =>
  `http://${name}:${roster[name].internalPort}`

const calleesOf = <Caller extends ServiceName>(caller: Caller) =>
  roster[caller].calls as ReadonlyArray<CalleeOf<Caller>>

/** An address is what a path follows after: anything else in it would be lost without a word. */
const isAddress = ({ username, search, hash }: URL) => `${username}${search}${hash}` === ""

/** The setting that says where a service is. */
export const addressSetting = (name: ServiceName): Setting<URL> => {
  const usual = defaultAddress(name)
  const setting = url(`the address of ${name}, such as ${usual}`, ["http", "https"], usual)
  return {
    ...setting,
    schema: setting.schema.check(Schema.makeFilter(isAddress)),
    expects: `${setting.expects}, with no user, query or fragment`,
  }
}

/** The settings that say where the services are that this one calls. */
export const addressSettingsOf = <Caller extends ServiceName>(caller: Caller) =>
  Object.fromEntries(
    calleesOf(caller).map((name) => [addressName(name), addressSetting(name)]),
  ) as Readonly<Record<AddressName<CalleeOf<Caller>>, Setting<URL>>>

/** The addresses that those settings say, by service. */
export const addressesIn = <Caller extends ServiceName>(
  caller: Caller,
  settings: Readonly<Record<AddressName<CalleeOf<Caller>>, URL>>,
) =>
  Object.fromEntries(
    calleesOf(caller).map((name) => [name, settings[addressName(name)]]),
  ) as unknown as Readonly<Record<CalleeOf<Caller>, URL>>
