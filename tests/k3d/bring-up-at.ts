/** `npm run k3d:up` with the ingress at another port: `bring-up-at.ts PORT`. */
import { runMain } from "#shared/service/run-main.ts"
import { bringUp } from "../../k3d/bring-up.ts"

runMain(bringUp(Number(process.argv[2])))
