/** Takes the README's pictures of the real page, only when UNWIND_SCREENSHOTS is set. */
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { inParallel, until, wishOf } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { openTab } from "./browser.ts"
import type { PageSystem } from "./page-system.ts"

const picture = (name: string) =>
  join(import.meta.dirname, "../../../../docs/screenshots", `${name}.png`)
const viewport = { width: 1200, height: 890 }
/** For how many seconds orders are placed. */
const seconds = 45

/** Takes all pictures. `operator` is a page where an operator is signed in. */
export const takePictures = async (system: PageSystem, browser: Browser, operator: Page) => {
  await operator.emulateMedia({ colorScheme: "light" })
  await operator.setViewportSize({ ...viewport, height: 700 })
  await operator.goto(`${system.baseUrl}/console/health`)
  await inParallel(seconds * 8, 4, async (n) => {
    await Promise.all([
      system.order({ ...wishOf(n), ...(n % 10 === 1 ? {} : { amount: 0.01 }) }),
      new Promise((resolve) => setTimeout(resolve, 300 + 400 * Math.abs(Math.sin(n / 40)))),
    ])
  })
  await operator.screenshot({ path: picture("health") })

  const { page } = await openTab(browser, { viewport })
  await page.goto(`${system.baseUrl}/console`)
  await page.getByLabel("Sign up").check()
  await page.getByLabel("Username").fill("ada")
  await page.getByLabel("E-mail").fill("ada@example.com")
  await page.getByLabel("Password").fill("correct horse battery")
  await page.getByRole("button", { name: "Sign up" }).click()
  await page.getByRole("button", { name: /^No slot/ }).click()
  await page.locator(".verdict").getByText(/the order holds nothing/).waitFor()
  await page.locator("h1").hover()
  await page.screenshot({ path: picture("shop") })

  const mend = await system.refuse("items", "cancelled")
  const id = await system.order({ slot: "19:00" })
  await operator.emulateMedia({ colorScheme: "dark" })
  await operator.setViewportSize(viewport)
  await operator.goto(`${system.baseUrl}/console/orders/${id}`)
  await until(
    "the cancel failed five times",
    patienceMs,
    async () =>
      await operator.getByText(/has not undone the item after [5-9] attempts/).count() > 0,
  )
  await operator.screenshot({ path: picture("order") })
  await mend()
}
