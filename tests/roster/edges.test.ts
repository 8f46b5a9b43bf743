/**
 * No test runs the files that say who reaches whom. So each connection that one of them opens or
 * loses must be named.
 */
import { parse } from "effect/encoding/Yaml"
import { describe, expect, it } from "vitest"
import { roster } from "#shared/roster.ts"
import { policiesIn, wrongPolicies } from "./component-policies.ts"
import { type Networked, wrongNetworks } from "./compose-networks.ts"
import { wrongHeaders } from "./gateway-headers.ts"
import { settingsOf, textOf, wrongSettings } from "./held.ts"

/** A file's text with a change, which must change something. */
const changed = (file: string, from: string | RegExp, to: string): string => {
  const text = textOf(file)
  const result = text.replace(from, to)
  expect(result).not.toBe(text)
  return result
}

type Change = readonly [what: string, from: string | RegExp, to: string, named: string]

describe("a network of Compose", () => {
  it.each<Change>([
    [
      "that one more service is in",
      "networks: [slots,",
      "networks: [auth-redis, slots,",
      "the network auth-redis has slots and redis: what for?",
    ],
    [
      "that a service has left",
      "[auth-redis, orders-redis, orchestrator-redis]",
      "[auth-redis, orders-redis]",
      "orchestrator and redis share no network",
    ],
    [
      "that has a way out",
      "\n  auth-redis: *closed",
      "\n  auth-redis:",
      "the network auth-redis lacks internal: true",
    ],
    [
      "for which Docker has no more addresses",
      "  auth-redis: *closed\n",
      `  auth-redis: *closed\n${
        Array.from({ length: 20 }, (_, n) => `  one-more-${n}: *closed\n`).join("")
      }`,
      "networks has more than the 30 that Docker has addresses for",
    ],
    [
      "that nobody created",
      "    networks: [outside, gateway-auth, gateway-billing, gateway-orders, gateway-console]\n",
      "",
      "the service gateway is in Compose's own network, with a way out",
    ],
    [
      "that is reached from this machine",
      "    networks: [items,",
      '    ports: ["9084:9084"]\n    networks: [items,',
      "the service items has ports",
    ],
  ])("is named: one %s", (_what, from, to, named) => {
    const compose = parse(changed("compose.yaml", from, to)) as unknown as Networked
    expect(wrongNetworks(roster, compose)).toContain(named)
  })
})

describe("the settings of a container", () => {
  it("are named if one is missing, or repeats the default", () => {
    const { JWKS_URL: _, ...given } = settingsOf(roster, "console")
    const found = { ...given, BILLING_URL: "http://billing:9082", ITEMS_URL: "https://items.test" }
    expect(wrongSettings(roster, "console", "it", found)).toEqual([
      "it lacks JWKS_URL: http://auth:9081/internal/jwks.json",
      "it has BILLING_URL: what for? It is the default",
    ])
  })
})

describe("a network policy of a component", () => {
  it.each<readonly [component: string, ...Change]>([
    [
      "managed-postgres",
      "at another port",
      "port: 5432",
      "port: 5433",
      "the way out lacks orders -> 0.0.0.0/0:5432",
    ],
    [
      "managed-redis",
      "at any port",
      /^ +ports: .*$/m,
      "",
      "the way out has auth -> 0.0.0.0/0:any port: what for?",
    ],
    [
      "upstash",
      "for everybody",
      /^ {4}matchExpressions:\n.*$/m,
      "    matchLabels: { app.kubernetes.io/component: service }",
      "the way out has auth -> 0.0.0.0/0:443: what for?",
    ],
    [
      "keda",
      "from everywhere",
      "namespaceSelector: { matchLabels: { kubernetes.io/metadata.name: keda } }",
      "namespaceSelector: {}",
      "the way in has stranger -> redis:6379: what for?",
    ],
    [
      "cloudnativepg",
      "of one direction only",
      "[Ingress, Egress]",
      "[Ingress]",
      "the way out lacks cnpg -> cnpg:5432",
    ],
    [
      "cloudnativepg",
      "in another namespace",
      "  name: to-cloudnativepg\n  namespace: unwind\n",
      "  name: to-cloudnativepg\n",
      "the NetworkPolicy to-cloudnativepg lacks namespace: unwind",
    ],
  ])("is named: one of %s, %s", (component, _what, from, to, named) => {
    const text = changed(`k3d/components/${component}/network-policies.yaml`, from, to)
    expect(wrongPolicies(roster, component, policiesIn(text))).toContain(named)
  })
})

describe("a header of the gateway", () => {
  it.each<Change>([
    [
      "that a client may claim",
      "proxy_set_header X-Forwarded-For $remote_addr;",
      "",
      "the location / lacks X-Forwarded-For $remote_addr",
    ],
    [
      "that takes the place of all others",
      "proxy_pass http://$service;",
      "proxy_set_header Host $host; proxy_pass http://$service;",
      "the location / lacks X-Forwarded-For $remote_addr",
    ],
    [
      "that closes every connection",
      'proxy_set_header Connection "";',
      "",
      "the location / lacks Connection ",
    ],
    [
      "that lets a problem be kept",
      /(unavailable \{\n) +add_header Cache-Control no-store always;\n/,
      "$1",
      "the location /problems/unavailable lacks Cache-Control no-store always",
    ],
    [
      "that says when to come again",
      /(unavailable \{(?:\n +add_header .*)*?\n) +add_header Retry-After 1 always;\n/,
      "$1",
      "the location /problems/unavailable lacks Retry-After 1 always",
    ],
    [
      "that says when to come again, of an address that sends too much",
      "add_header Retry-After 1 always;",
      "",
      "the location /problems/too-many lacks Retry-After 1 always",
    ],
    [
      "that holds clients to TLS",
      "proxy_pass http://$service;",
      "add_header X-Another 1; proxy_pass http://$service;",
      "the location / lacks Strict-Transport-Security $strict_transport always",
    ],
    [
      "that says what a problem is",
      "default_type application/problem+json;",
      "",
      "the location /problems/nothing lacks application/problem+json",
    ],
  ])("is named: one %s", (_what, from, to, named) => {
    expect(wrongHeaders(changed("compose/gateway/nginx.conf", from, to))).toContain(named)
  })
})
