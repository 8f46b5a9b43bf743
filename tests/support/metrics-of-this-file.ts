/** Before each file of tests: a process runs many, and metrics are a process's. */
import { Effect, Metric } from "effect"

Effect.runSync(Metric.MetricRegistry).clear()
