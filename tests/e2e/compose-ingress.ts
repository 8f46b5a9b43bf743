/**
 * The public API behind an ingress controller, which routes the paths of Kubernetes's Ingress and
 * answers all others itself, in its own words. Caddy stands in for Traefik: both use Go's HTTP
 * server.
 */
import { roster, type ServiceName } from "#shared/roster.ts"
import type { Ingress, Path } from "../k3d/ingress.ts"
import { dev, ofKind } from "../k3d/system.ts"
import { type ComposeProject, run } from "./compose-project.ts"
import { hereInstead } from "./local-images.ts"

const image = "caddy:2"

const route = ({ path, pathType, backend }: Path, n: number) => {
  const service = backend.service.name as ServiceName
  const below = pathType === "Prefix" ? ` ${path}/*` : ""
  return `
  @${n} path ${path}${below}
  handle @${n} {
    reverse_proxy ${service}:${roster[service].port}
  }`
}

/** The controller's settings, for Caddy. */
const settings = (): string => {
  const paths = ofKind<Ingress>(dev, "Ingress")
    .flatMap(({ spec }) => spec.rules).flatMap(({ http }) => http.paths)
  return `{
  admin off
  persist_config off
}
:8080 {${paths.map(route).join("")}
  handle {
    respond "404 page not found" 404
  }
}
`
}

/** Calls back with the address of an ingress controller in front of the project's services. */
export const withIngress = async <A>(
  project: ComposeProject,
  use: (baseUrl: string) => Promise<A>,
): Promise<A> => {
  const name = `${project.name}-ingress`
  const network = (short: string) => `${project.name}_${short}`
  const config =
    `printf %s "$CADDYFILE" > /tmp/Caddyfile && exec caddy run --adapter caddyfile --config /tmp/Caddyfile`
  await run("docker", [
    ...["create", "--name", name, "--network", network("outside"), "--publish", "127.0.0.1::8080"],
    ...["--env", `CADDYFILE=${settings()}`, await hereInstead(image), "sh", "-c", config],
  ])
  try {
    const doors = new Set(
      ofKind<Ingress>(dev, "Ingress").flatMap(({ spec }) =>
        spec.rules.flatMap(({ http }) => http.paths.map(({ backend }) => backend.service.name))
      ),
    )
    for (const door of doors) {
      await run("docker", ["network", "connect", network(`gateway-${door}`), name])
    }
    await run("docker", ["start", name])
    const published = await run("docker", ["port", name, "8080/tcp"])
    return await use(`http://${published.split("\n")[0]}`)
  } finally {
    await run("docker", ["rm", "--force", "--volumes", name])
  }
}
