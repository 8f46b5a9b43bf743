/** The parts of an Ingress that the manifests use. */
import type { Manifest } from "./kustomize.ts"

export interface Path {
  readonly path: string
  readonly pathType: "Exact" | "Prefix"
  readonly backend: { readonly service: { readonly name: string; readonly port: { name: string } } }
}
export interface Ingress extends Manifest {
  readonly spec: {
    readonly ingressClassName: string
    readonly rules: ReadonlyArray<{ readonly http: { readonly paths: ReadonlyArray<Path> } }>
  }
}
