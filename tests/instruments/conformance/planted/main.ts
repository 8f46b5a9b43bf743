/** The planted participant as a process: at PORT, with the SETTINGS as JSON. */
import { participant, type Settings } from "./participant.ts"

const { PORT, SETTINGS = "" } = process.env
const server = participant(JSON.parse(SETTINGS) as Settings)
const listen = () => server.listen(Number(PORT), "127.0.0.1")
// The process that was killed may not have released the port yet.
server.on("error", () => setTimeout(listen, 20))
listen()
