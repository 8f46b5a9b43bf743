/** `npm run unwind -- COMMAND`: the command line of operators. */
import { answered, runProcess } from "#shared/command/command.ts"
import { tableOf } from "#shared/command/help.ts"
import { refusal } from "#shared/command/understand.ts"
import { commands } from "./commands.ts"

const call = "npm run unwind"

const help = `Usage: ${call} -- COMMAND [...]

${tableOf(Object.entries(commands).map(([name, { says }]) => [name, says]))}

Help for one command: ${call} -- COMMAND --help`

const [name = "--help", ...args] = process.argv.slice(2)

if (Object.hasOwn(commands, name)) (await commands[name]!.load()).main(args)
else if (name === "--help" || name === "-h") runProcess(answered({ task: "help", text: help }))
else runProcess(answered(refusal(call, `Unknown command ${JSON.stringify(name)}`)))
