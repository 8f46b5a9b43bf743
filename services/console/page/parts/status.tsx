/** States, shown by a shape and a word, so that they do not depend on colour. */
import type { OrderStatus } from "#shared/contracts/order-state.ts"
import { statusWords } from "../../words.ts"

export type Tone = "good" | "bad" | "undo" | "open" | "plain"

const shapes: Readonly<Record<Tone, string>> = {
  good: "●",
  bad: "✕",
  undo: "↶",
  open: "◌",
  plain: "○",
}

export const Badge = ({ tone, children }: { readonly tone: Tone; readonly children: string }) => (
  <span class={`badge ${tone}`}>
    <span aria-hidden="true" class="shape">{shapes[tone]}</span>
    {children}
  </span>
)

const tones: Readonly<Record<OrderStatus, Tone>> = {
  pending: "open",
  completed: "good",
  compensating: "undo",
  failed: "bad",
}

/** Distinguishes orders that are being undone, are stuck while being undone, and are undone. */
export const OrderBadge = (
  { status, stuck }: { readonly status: OrderStatus; readonly stuck: boolean },
) =>
  stuck && status === "compensating"
    ? <Badge tone="bad">Undoing is stuck</Badge>
    : (
      <Badge tone={tones[status]}>
        {status === "failed" ? "Failed, undone" : statusWords[status]}
      </Badge>
    )
