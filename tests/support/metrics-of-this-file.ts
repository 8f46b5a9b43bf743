/** Runs before each test file: a process runs many files, and metrics belong to the process. */
import { Effect, Metric } from "effect"

Effect.runSync(Metric.MetricRegistry).clear()
