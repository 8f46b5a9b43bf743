/**
 * The page Faults in a real browser, on the real system: an operator breaks it on purpose while orders come in that the page
 * itself places, and sees it come out whole.
 */
import type { Browser, Locator, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { faultyServices } from "#shared/contracts/faults.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { chromiumPath, launch, openTab, type Tab } from "./browser.ts"
import { expectNoComplaint, wide } from "./looks.ts"
import { type PageSystem, startPageSystem } from "./page-system.ts"

const needsChromium = chromiumPath === undefined
const title = needsChromium ? " (skipped: chromium not installed)" : ""

describe.skipIf(needsChromium)(`the page Faults in a browser${title}`, () => {
  let system: PageSystem
  let browser: Browser
  let operator: Tab
  let page: Page
  beforeAll(async () => {
    system = await startPageSystem({
      FAULTS: "1",
      AUDIT_EVERY: "1 second",
      REPUBLISH_AFTER: "1 second",
    })
    browser = await launch()
    operator = await openTab(browser, { viewport: wide })
    page = operator.page
    page.setDefaultTimeout(patienceMs)
    await page.goto(system.signInUrl)
  })
  afterAll(async () => {
    await browser?.close()
    await system?.stop()
  })
  afterEach(() => expect(operator.complaints()).toEqual([]))

  /** Does what the open dialog offers, for the reason that stands there, and waits for what is told of it. */
  const confirm = async (label: string, told: string | RegExp) => {
    const dialog = page.getByRole("dialog")
    expect(await dialog.getByLabel(/^Reason/).inputValue()).not.toBe("")
    await dialog.getByRole("button", { name: label, exact: true }).click()
    await page.getByRole("status").getByText(told).waitFor()
    await dialog.waitFor({ state: "detached" })
  }
  const folder = process.env["UNWIND_FAULT_PICTURES"]
  const picture = async (name: string) =>
    folder && void await page.screenshot({ path: `${folder}/${name}.png`, fullPage: true })
  const numberIn = async (figure: Locator) => Number(await figure.textContent())
  const figure = (name: string) =>
    numberIn(page.locator(".load .numbers > div").filter({ hasText: name }).locator("dd"))
  const unfinished = () => numberIn(page.locator(".unfinished b"))
  const cardOf = (service: string) =>
    page.locator(".faulty > li").filter({
      has: page.getByRole("heading", { name: service, exact: true }),
    })
  const badge = (within: Page | Locator, words: string) =>
    within.locator(".badge").filter({ hasText: new RegExp(`${words}$`) })
  const met = (service: string, what: string) =>
    numberIn(cardOf(service).locator(".met > div").filter({ hasText: what }).locator("dd"))

  it("is there where faults are allowed, and has a card of each service that has some", async () => {
    await page.getByRole("link", { name: "Faults" }).click()
    for (const service of faultyServices) await cardOf(service).getByText("no fault set").waitFor()
    expect(await page.getByRole("button", { name: /^Mend all/ }).isDisabled()).toBe(true)
  })

  it("places orders of mixed outcomes, and shows what becomes of them", async () => {
    await page.getByLabel("Orders a second").fill("8")
    await page.getByRole("button", { name: "Place orders" }).click()
    await badge(page, "placing").waitFor()
    for (const end of ["Completed", "No money", "No item", "No slot"]) {
      await until(`some ended: ${end}`, patienceMs, async () => await figure(end) > 0)
    }
    await page.locator(".load canvas").nth(1).waitFor()
  })

  it("breaks services, and shows what is set, what met it and what it holds up", async () => {
    for (
      const [service, preset, what] of [
        ["items", "Down", "refused"],
        ["slots", "Lost answers", "dropped"],
      ] as const
    ) {
      const card = cardOf(service)
      await card.getByRole("button", { name: /^Break it/ }).click()
      await page.getByRole("dialog").getByRole("button", { name: preset }).click()
      await page.getByLabel("For, seconds").fill("600")
      await confirm("Break it", `Broken: ${service}.`)
      await badge(card, "broken").waitFor()
      if (service === "slots") continue
      await until("it is met", patienceMs, async () => await met(service, what) > 0)
    }
    await cardOf("items").getByText("100 % are refused").waitFor()
    await badge(page, "Broken on purpose").waitFor()
    await until("orders wait", patienceMs, async () => await unfinished() > 10)
    expect(await figure("In flight")).toBeGreaterThan(0)
  })

  it("can be changed by keyboard alone, and says what it will not take", async () => {
    const change = cardOf("slots").getByRole("button", { name: "Change: slots" })
    await change.focus()
    await page.keyboard.press("Enter")
    const dialog = page.getByRole("dialog")
    const refuse = dialog.getByLabel(/^Refuse/)
    await refuse.fill("101")
    await dialog.getByRole("button", { name: "Change", exact: true }).click()
    expect(await refuse.evaluate((input: HTMLInputElement) => input.validity.rangeOverflow)).toBe(
      true,
    )
    await refuse.fill("10")
    await page.keyboard.press("Enter")
    await cardOf("slots").getByText("10 % are refused, 40 % done, not answered").waitFor()
    await dialog.waitFor({ state: "detached" })
  })

  it("wipes the queue and kills an orchestrator", async () => {
    await page.getByRole("button", { name: "Wipe it: the order queue" }).click()
    await confirm("Wipe it", /^It is empty: \d+ entries/)
    await page.getByRole("button", { name: "Kill it: one orchestrator" }).click()
    await confirm("Kill it", /^It is killed/)
  })

  it("has nothing for axe to find while all of that shows, and fits", async () => {
    await expectNoComplaint(page, "/console/faults, broken", picture)
    await cardOf("billing").getByRole("button", { name: /^Break it/ }).click()
    await expectNoComplaint(page, "/console/faults, dialog", (name) => picture(`dialog-${name}`))
    await page.getByRole("dialog").getByRole("button", { name: "Back" }).click()
    await page.setViewportSize(wide)
  })

  it("comes out whole when all is mended, with every order that was placed", async () => {
    // The load goes on while another page is looked at.
    await page.getByRole("link", { name: "Stock" }).first().click()
    await page.locator("tbody tr").first().waitFor()
    await page.getByRole("link", { name: "Faults" }).click()
    await page.getByRole("button", { name: "Stop placing" }).click()
    await page.getByRole("button", { name: /^Mend all/ }).click()
    await confirm("Mend all", "All services do as they should again.")
    for (const service of faultyServices) await cardOf(service).getByText("no fault set").waitFor()
    await badge(page, "all are final").waitFor()
    await badge(page, "Whole").waitFor()
    expect(await unfinished()).toBe(0)
    expect(await badge(page.locator(".promises li"), "holds").count()).toBe(4)
    expect(await figure("In flight")).toBe(0)
    const ends = ["Completed", "No money", "No item", "No slot"]
    const ended = await Promise.all(ends.map(figure))
    const placed = await figure("Placed")
    expect(placed).toBeGreaterThan(20)
    expect(ended.reduce((sum, n) => sum + n, 0)).toBe(placed)
    await expectNoComplaint(page, "/console/faults, whole", (name) => picture(`whole-${name}`))
  })
})
