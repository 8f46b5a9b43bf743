/** The embedded run (`npm start`) as a subject: one process, with the servers that it starts. */
import { Effect } from "effect"
import { freePorts } from "#tests/instruments/chaos/ports.ts"
import { postgresOf } from "#tests/support/embedded-process.ts"
import type { Runtime } from "#tests/support/separate-services.ts"
import { signUpCustomers } from "../load/customers.ts"
import { bearer, type Subject } from "../subject.ts"
import { openDatabases } from "./databases.ts"
import { bench, type Ground } from "./ground.ts"
import { answersReady, type Program, runtimeCommand, startProgram } from "./program.ts"
import { serversIn } from "./servers.ts"
import { plenty } from "./services.ts"

export interface EmbeddedOptions {
  readonly dataDir: string
  readonly runtime: Runtime
  /** Undefined: the Redis of the PATH. */
  readonly queueUrl: string | undefined
  readonly settings?: Readonly<Record<string, string>>
}

export interface Embedded {
  readonly program: Program
  readonly port: number
  readonly internalPort: number
  readonly dataDir: string
  /** From its start until it was ready. */
  readonly seconds: number
}

/** Starts the embedded run until the scope closes. */
export const startEmbedded = Effect.fnUntraced(function* (
  { guard, logFile }: Pick<Ground, "guard" | "logFile">,
  { dataDir, runtime, queueUrl, settings }: EmbeddedOptions,
) {
  const ports = yield* freePorts
  const startedAtMs = performance.now()
  const program = yield* startProgram({
    name: "embedded",
    command: [...runtimeCommand(runtime), "compose/embedded/main.ts"],
    environment: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      NO_COLOR: "1",
      PORT: `${ports.public}`,
      INTERNAL_PORT: `${ports.internal}`,
      DATA_DIR: dataDir,
      QUEUE_URL: queueUrl,
      ...plenty,
      ...settings,
    },
    logFile: logFile("embedded"),
    guard,
    isReady: () => answersReady(ports.internal),
  })
  const seconds = (performance.now() - startedAtMs) / 1000
  const { public: port, internal: internalPort } = ports
  return { program, port, internalPort, dataDir, seconds } satisfies Embedded as Embedded
})

/** The embedded run as a subject, with customers. */
export const embeddedSubject = Effect.fnUntraced(function* (embedded: Embedded) {
  const { program, port, dataDir } = embedded
  const databases = yield* openDatabases(postgresOf(dataDir))
  const tokens = yield* signUpCustomers(port)
  const processes = [{ ...program, alone: true }, ...serversIn(dataDir), bench]
  return {
    databases,
    folder: dataDir,
    processes: () => processes,
    queue: undefined,
    doors: [port],
    customers: tokens.map(bearer),
    alone: (run) => run,
  } satisfies Subject as Subject
})
