/**
 * The page Faults in a real browser, on a real system: an operator sets faults while the page
 * places orders, clears them, and sees the system recover.
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

  /** Confirms the open dialog with its prefilled reason, and waits for the result's message. */
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

  it("exists where faults are allowed, with a card for each service", async () => {
    await page.getByRole("link", { name: "Faults" }).click()
    for (const service of faultyServices) await cardOf(service).getByText("no faults").waitFor()
    expect(await page.getByRole("button", { name: /^Clear all faults/ }).isDisabled()).toBe(true)
  })

  it("places orders of mixed outcomes, and shows how they end", async () => {
    await page.getByLabel("Orders per second").fill("8")
    await page.getByRole("button", { name: "Place orders" }).click()
    await badge(page, "placing").waitFor()
    for (const end of ["Completed", "No money", "No item", "No slot"]) {
      await until(`some orders ended: ${end}`, patienceMs, async () => await figure(end) > 0)
    }
    await page.locator(".load canvas").nth(1).waitFor()
  })

  it("sets faults, and shows which requests met them and how many orders wait", async () => {
    for (
      const [service, preset, what] of [
        ["items", "Down", "refused"],
        ["slots", "Lost answers", "dropped"],
      ] as const
    ) {
      const card = cardOf(service)
      await card.getByRole("button", { name: /^Set faults/ }).click()
      await page.getByRole("dialog").getByRole("button", { name: preset }).click()
      await page.getByLabel("Duration, seconds").fill("600")
      await confirm("Set faults", `Faults are set: ${service}.`)
      await badge(card, "faults are set").waitFor()
      if (service === "slots") continue
      await until("a request meets the fault", patienceMs, async () => await met(service, what) > 0)
    }
    await cardOf("items").getByText("100 % are refused").waitFor()
    await badge(page, "Faults are set").waitFor()
    await until("orders wait", patienceMs, async () => await unfinished() > 10)
    expect(await figure("In flight")).toBeGreaterThan(0)
  })

  it("can be used by keyboard alone, and refuses values out of range", async () => {
    const change = cardOf("slots").getByRole("button", { name: "Change faults: slots" })
    await change.focus()
    await page.keyboard.press("Enter")
    const dialog = page.getByRole("dialog")
    const refuse = dialog.getByLabel(/^Refuse/)
    await refuse.fill("101")
    await dialog.getByRole("button", { name: "Change faults", exact: true }).click()
    expect(await refuse.evaluate((input: HTMLInputElement) => input.validity.rangeOverflow)).toBe(
      true,
    )
    await refuse.fill("10")
    await page.keyboard.press("Enter")
    await cardOf("slots").getByText("10 % are refused, 40 % lose their answer").waitFor()
    await dialog.waitFor({ state: "detached" })
  })

  it("wipes the queue and kills an orchestrator", async () => {
    await page.getByRole("button", { name: "Wipe: the order queue" }).click()
    await confirm("Wipe", /^The queue is empty: \d+ messages/)
    await page.getByRole("button", { name: "Kill: one orchestrator" }).click()
    await confirm("Kill", /^Killed\./)
  })

  it("passes axe and does not overflow while faults are set", async () => {
    await expectNoComplaint(page, "/console/faults, broken", picture)
    await cardOf("billing").getByRole("button", { name: /^Set faults/ }).click()
    await expectNoComplaint(page, "/console/faults, dialog", (name) => picture(`dialog-${name}`))
    await page.getByRole("dialog").getByRole("button", { name: "Back" }).click()
    await page.setViewportSize(wide)
  })

  it("shows the system recover when all faults are cleared, with every order final", async () => {
    // The load goes on while another page is open.
    await page.getByRole("link", { name: "Stock" }).first().click()
    await page.locator("tbody tr").first().waitFor()
    await page.getByRole("link", { name: "Faults" }).click()
    await page.getByRole("button", { name: "Stop placing" }).click()
    await page.getByRole("button", { name: /^Clear all faults/ }).click()
    await confirm("Clear all faults", "All faults are cleared.")
    for (const service of faultyServices) await cardOf(service).getByText("no faults").waitFor()
    await badge(page, "all orders final").waitFor()
    await badge(page, "All promises hold").waitFor()
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
