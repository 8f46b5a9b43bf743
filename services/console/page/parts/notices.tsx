/** Notices in the place of missing content: why it is missing, and what to do. */
import type { ComponentChildren } from "preact"
import type { Away } from "#shared/contracts/console.ts"
import type { Problem } from "../core/problem.ts"

/** An empty view. */
export const Empty = (
  { title, children }: { readonly title: string; readonly children: ComponentChildren },
) => (
  <div class="empty">
    <h2>{title}</h2>
    <p>{children}</p>
  </div>
)

/** A problem, if there is one. */
export const Trouble = ({ problem }: { readonly problem: Problem | null }) =>
  problem && (
    <p class="trouble" role="alert">
      <span aria-hidden="true">⚠</span> {problem.message}
      {problem.code && <code>{problem.code}</code>}
    </p>
  )

/** The services that did not answer, so that their data is missing. */
export const Missing = ({ away }: { readonly away: ReadonlyArray<Away> }) =>
  away.length === 0 ? null : (
    <p class="trouble" role="status">
      <span aria-hidden="true">⚠</span> Some services did not answer, so this page is incomplete:
      {" "}
      {away.map(({ service, message }) => `${service} (${message})`).join("; ")}
    </p>
  )

/** The orchestrators that did not answer. */
export const Unheard = ({ names }: { readonly names: ReadonlyArray<string> }) =>
  names.length === 0 ? null : (
    <p class="trouble" role="status">
      <span aria-hidden="true">⚠</span> Some orchestrators did not answer, so there may be more:
      {" "}
      {names.join("; ")}
    </p>
  )

export const Loading = () => <p class="faint" role="status">Loading …</p>
