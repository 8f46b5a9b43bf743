/** The faults that can happen at a point, and how long they last. */
import {
  callFaults,
  commitFaults,
  customerCalls,
  customerFaults,
  defectPoints,
  failpointFaults,
  type Point,
  type PointFault,
  queueFaults,
} from "../plan.ts"

/** How long faults last, in milliseconds. Other faults have no length. */
const lengthsMs: Readonly<Record<"short" | "long", Readonly<Record<string, number>>>> = {
  // Down for a moment, or late by more than a call waits.
  short: {
    "caller crashes": 500,
    "callee crashes": 500,
    "process crashes": 500,
    "database restarts": 500,
    "crash": 500,
    "stall": 6_000,
    "request late": 1_000,
    "answer late": 6_000,
    "duplicated": 500,
  },
  // Longer than until an entry is claimed or an order is published again.
  long: {
    "caller crashes": 20_000,
    "callee crashes": 20_000,
    "process crashes": 20_000,
    "database restarts": 20_000,
    "crash": 20_000,
    "stall": 20_000,
    "request late": 20_000,
    "answer late": 20_000,
    "duplicated": 20_000,
  },
}

const faultsByKind: Readonly<Record<string, ReadonlyArray<string>>> = {
  call: callFaults,
  queue: queueFaults,
  commit: commitFaults,
  failpoint: failpointFaults,
}

/** The faults that make a difference at a point. */
const faultNamesAt = (point: string): ReadonlyArray<string> => {
  const [kind = "", name = ""] = point.split(" ", 2)
  if (customerCalls.some((call) => call === name)) return customerFaults
  return faultsByKind[kind]!.filter((fault) =>
    !(fault === "doubled" && name !== "publish") &&
    !(fault === "entry stolen" && name !== "take") &&
    !(fault === "defect" && !defectPoints.includes(point.slice("failpoint ".length)))
  )
}

/** All short faults at a point, or all long ones. A fault without a length is a short one. */
export const faultsAt = (
  { point, nth }: Point,
  length: keyof typeof lengthsMs,
): ReadonlyArray<PointFault> =>
  faultNamesAt(point).flatMap((fault) => {
    const forMs = lengthsMs[length][fault]
    if (forMs === undefined) return length === "short" ? [{ point, nth, fault, forMs: 0 }] : []
    return [{ point, nth, fault, forMs }]
  })
