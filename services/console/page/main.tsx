/** The entry of the console's page. */
import { render } from "preact"
import { startAskingForFaults } from "./core/faults.ts"
import { followLinks } from "./core/location.ts"
import { startLooking } from "./core/live.ts"
import { asProblem } from "./core/problem.ts"
import { session, startSession } from "./core/session.ts"
import { startTheme } from "./core/theme.ts"
import { Frame } from "./frame.tsx"
import { announce } from "./parts/announced.tsx"

startTheme()
followLinks()
startLooking()
startAskingForFaults()
startSession().catch((error) => {
  session.value ??= null
  announce(asProblem(error).message, "bad")
})
render(<Frame />, document.getElementById("page")!)
