/** `npm run simulate`: simulates the system under faults, seed by seed, and checks every order. */
import { optionsOf } from "#shared/command/command.ts"
import { simulationSyntax, type Task } from "./arguments.ts"
import { find } from "./find.ts"
import { replay } from "./replay.ts"
import { simulator } from "./runner.ts"
import { processScreen } from "./screen.ts"
import { simulate } from "./simulate.ts"

const shrinkMs = 60_000

/** A seed, path or case that does not exist is refused with one line. */
const orRefused = async (exitCode: () => Promise<number>): Promise<number> => {
  try {
    return await exitCode()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    console.error(`${error.message}: copy the command that the run printed`)
    return 2
  }
}

const perform = async (given: Task): Promise<number> => {
  switch (given.task) {
    case "run":
      return await find({ ...given, simulator, screen: processScreen(), shrinkMs })
    case "replay":
      return await orRefused(() => replay(given.seed, given.path, simulate, processScreen()))
    case "exhaustive": {
      const { exhaustive } = await import("./exhaustive.ts")
      return await orRefused(() => exhaustive(given.name))
    }
  }
}

const options = optionsOf(simulationSyntax, process.argv.slice(2))
if (options !== undefined) process.exitCode = await perform(options.given)
