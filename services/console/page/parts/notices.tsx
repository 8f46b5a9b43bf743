/** What stands where there is nothing to show: why, and what to do about it. */
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

/** What went wrong; nothing where nothing did. */
export const Trouble = ({ problem }: { readonly problem: Problem | null }) =>
  problem && (
    <p class="trouble" role="alert">
      <span aria-hidden="true">⚠</span> {problem.message}
      {problem.code && <code>{problem.code}</code>}
    </p>
  )

/** The services that could not be asked: what they would have told is missing. */
export const Missing = ({ away }: { readonly away: ReadonlyArray<Away> }) =>
  away.length === 0 ? null : (
    <p class="trouble" role="status">
      <span aria-hidden="true">⚠</span> Not all could be asked, so this is not the whole:{" "}
      {away.map(({ service, message }) => `${service} (${message})`).join("; ")}
    </p>
  )

/** Orchestrators that were not heard. */
export const Unheard = ({ names }: { readonly names: ReadonlyArray<string> }) =>
  names.length === 0 ? null : (
    <p class="trouble" role="status">
      <span aria-hidden="true">⚠</span> Not all orchestrators were heard, so there may be more:{" "}
      {names.join("; ")}
    </p>
  )

export const Loading = () => <p class="faint" role="status">Loading …</p>
