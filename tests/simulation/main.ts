/** `npm run simulate`: simulates the system under every fault, seed after seed, and proves that no order suffers. */
import { help, parseArguments } from "./arguments.ts"
import { find } from "./find.ts"
import { replay } from "./replay.ts"
import { simulator } from "./runner.ts"
import { processScreen } from "./screen.ts"
import { simulate } from "./simulate.ts"

const shrinkMs = 60_000

/** What the person asked for may not exist, and then a line says so. */
const orRefused = async (exitCode: () => Promise<number>): Promise<number> => {
  try {
    return await exitCode()
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    console.error(`${error.message}: take the command as it was printed by the run that found it`)
    return 2
  }
}

const given = parseArguments(process.argv.slice(2))
switch (given.task) {
  case "help":
    console.log(help)
    break
  case "refuse":
    console.error(given.message)
    process.exitCode = 2
    break
  case "run":
    process.exitCode = await find({ ...given, simulator, screen: processScreen(), shrinkMs })
    break
  case "replay": {
    const { seed, path } = given
    process.exitCode = await orRefused(() => replay(seed, path, simulate, processScreen()))
    break
  }
  case "exhaustive": {
    const { exhaustive } = await import("./exhaustive.ts")
    process.exitCode = await orRefused(() => exhaustive(given.name))
    break
  }
}
