/** The product's wire format, as far as the limit programs speak it. */

/** What an order wants besides money. */
export interface Details {
  readonly item: number
  readonly slot: string
}

/** An order in the stream. */
export interface OrderMessage {
  readonly orderId: string
  readonly username: string
  readonly amountMinor: number
  readonly details: Details
  readonly steps: ReadonlyArray<string>
  readonly createdAtMs: number
  readonly republished: number
}

/** What a participant is asked for. */
export interface Command {
  readonly orderId: string
  readonly action: "reserve" | "cancel"
  readonly resource: string
  readonly quantity: number
}

/** What a participant answers. */
export interface Outcome {
  readonly orderId: string
  readonly outcome: "reserved" | "rejected" | "cancelled"
}

/** An answered command in the history of an order. */
export interface TimelineEntry {
  readonly step: string
  readonly action: Command["action"]
  readonly outcome: Outcome["outcome"]
  readonly attempts: number
  readonly at: string
  readonly durationMs: number
}

type Timeline = ReadonlyArray<TimelineEntry>

/** What the register records of an order. */
export interface Decision {
  readonly orderId: string
  readonly decision: "ask" | "complete" | "abort" | "settle"
  readonly reason?: string
  readonly timeline: Timeline
}

/** Decisions with the same timeline refer to it by its index. */
export interface DecisionRequest {
  readonly decisions: ReadonlyArray<Omit<Decision, "timeline"> & { readonly timeline: number }>
  readonly timelines: ReadonlyArray<Timeline>
}

/** Unpacks the decisions of a request. Decisions with the same timeline share it. */
export const unpacked = (
  { decisions, timelines }: DecisionRequest,
): ReadonlyArray<Decision> =>
  decisions.map((decision) => ({ ...decision, timeline: timelines[decision.timeline]! }))
