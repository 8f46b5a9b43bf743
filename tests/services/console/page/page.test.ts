/**
 * The console in a real browser, on a real system: each page and its actions, by mouse and by
 * keyboard alone, at both widths and in both colour schemes. No script, policy or axe may complain.
 */
import type { Browser, BrowserContextOptions, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { serviceNames } from "#shared/roster.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { chromiumPath, launch, openTab, type Tab } from "./browser.ts"
import { expectNoComplaint, wide } from "./looks.ts"
import { type PageSystem, startPageSystem } from "./page-system.ts"
import { takePictures } from "./pictures.ts"

const needsChromium = chromiumPath === undefined
const title = needsChromium ? " (skipped: chromium not installed)" : ""
describe.skipIf(needsChromium)(`the page in a browser${title}`, () => {
  let system: PageSystem
  let browser: Browser
  let operator: Tab
  beforeAll(async () => {
    system = await startPageSystem()
    browser = await launch()
    operator = await openTab(browser, { viewport: wide })
    operator.page.setDefaultTimeout(patienceMs)
  })
  afterAll(async () => {
    await browser?.close()
    await system?.stop()
  })
  afterEach(() => expect(operator.complaints()).toEqual([]))

  const go = (path: string) => operator.page.goto(system.baseUrl + path)
  const newTab = async (options: BrowserContextOptions = {}) => {
    const tab = await openTab(browser, { viewport: wide, ...options })
    tab.page.setDefaultTimeout(patienceMs)
    return tab
  }
  const says = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor()
  /** Confirms the open dialog with a reason, and waits for the message of the result. */
  const confirm = async (label: string, told: string | RegExp, page = operator.page) => {
    const dialog = page.getByRole("dialog")
    await dialog.getByLabel(/^Reason/).fill("a test wants it")
    await dialog.getByRole("button", { name: label, exact: true }).click()
    await page.getByRole("status").getByText(told).waitFor()
    await dialog.waitFor({ state: "detached" })
  }

  it("signs in the first operator by the printed address", async () => {
    const { page } = operator
    await page.goto(system.signInUrl)
    await page.getByRole("button", { name: "Sign out" }).waitFor()
    expect(page.url()).toBe(`${system.baseUrl.replace("localhost", "127.0.0.1")}/console`)
    await page.reload()
    await page.getByRole("button", { name: "Sign out" }).waitFor()
    const kept = await page.evaluate(() => JSON.stringify([localStorage, document.cookie]))
    expect(kept).not.toMatch(/ey[\w-]+\.ey/)
    const [paint] = await page.evaluate(() =>
      performance.getEntriesByName("first-contentful-paint").map(({ startTime }) => startTime)
    )
    console.log(`First contentful paint: ${Math.round(paint ?? 0)} ms`)
  })

  it("shows each of the four ends of an order after one click", async () => {
    // With reduced motion, there is no animation to wait for.
    const { page, complaints } = await newTab({ reducedMotion: "reduce" })
    await page.goto(`${system.baseUrl}/console`)
    await page.getByRole("button", { name: "Try it as a new customer" }).click()
    const ends = [
      ["Completed", /holds 95\.00/, "holds 5.00"],
      ["No money", /Nothing had been reserved, so.*holds 95\.00/, "rejected"],
      ["No item", /items rejected item 15.*The money was undone/i, "undo 5.00"],
      ["No slot", /slots rejected slot 19:00.*The item and the money were undone/i, "undo item"],
    ] as const
    for (const [way, verdict, drawn] of ends) {
      await page.getByRole("button", { name: new RegExp(`^${way}`) }).click()
      await page.locator(".verdict").getByText(verdict).waitFor()
      const words = await page.locator(".diagram svg").textContent()
      expect(words?.replace(/holds(?=\S)/g, "holds ")).toContain(drawn)
    }
    await page.getByText("An order of your own").click()
    await page.getByLabel("Amount").fill("7.25")
    await page.getByRole("button", { name: "Place the order" }).click()
    await page.locator(".verdict").getByText(/holds 87\.75/).waitFor()
    // A page for operators tells customers what they lack.
    await page.getByRole("link", { name: "Orders" }).click()
    await says(page, "You are not an operator")
    await page.getByRole("button", { name: "Sign out" }).click()
    await says(page, "Sign in as an operator")
    expect(complaints()).toEqual([])
  })

  it("shares one session among all tabs of a browser, and ends it in all of them", async () => {
    const { page, complaints } = await newTab()
    await page.goto(`${system.baseUrl}/console`)
    await page.getByRole("button", { name: "Try it as a new customer" }).click()
    await page.getByRole("button", { name: "Sign out" }).waitFor()
    const another = await page.context().newPage()
    await another.goto(`${system.baseUrl}/console`)
    await another.getByRole("button", { name: "Sign out" }).waitFor()
    const refreshOf = (tab: Page) => tab.evaluate(() => sessionStorage.getItem("unwind-refresh"))
    const before = await refreshOf(page)
    // A reload replaces the refresh token. A later use of the old one would end the session.
    await another.reload()
    await another.getByRole("button", { name: "Sign out" }).waitFor()
    await until("both tabs have the new token", patienceMs, async () => {
      const [one, other] = [await refreshOf(page), await refreshOf(another)]
      return one === other && one !== before
    })
    await another.getByRole("button", { name: "Sign out" }).click()
    await page.getByRole("button", { name: "Try it as a new customer" }).waitFor()
    expect(await refreshOf(page)).toBeNull()
    expect(complaints()).toEqual([])
  })

  it("can be used by keyboard alone, and moves the focus to the new heading", async () => {
    const { page, complaints } = await newTab()
    await page.goto(`${system.baseUrl}/console`)
    await page.getByRole("button", { name: "Try it as a new customer" }).waitFor()
    const focused = () =>
      page.evaluate(() =>
        document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ??
          ""
      )
    const tabTo = async (name: RegExp) => {
      for (let n = 0; n < 40; n++) {
        await page.keyboard.press("Tab")
        if (name.test(await focused())) return
      }
      throw new Error(`Forty tabs did not lead to ${name}`)
    }
    await page.keyboard.press("Tab")
    expect(await focused()).toBe("Skip to the content")
    await tabTo(/^Try it as a new customer/)
    await page.keyboard.press("Enter")
    await page.getByRole("button", { name: /^No slot/ }).waitFor()
    await tabTo(/^No slot/)
    await page.keyboard.press("Enter")
    await page.locator(".verdict").getByText(/the order holds nothing/).waitFor()
    await tabTo(/^Copy the order's id/)
    await page.keyboard.press("Enter")
    await page.getByRole("status").getByText("The order's id is copied.").waitFor()
    await page.keyboard.press("Home")
    await page.locator(".skip").focus()
    await tabTo(/^Stuck/)
    await page.keyboard.press("Enter")
    await says(page, "You are not an operator")
    await until("the heading has the focus", patienceMs, async () => await focused() === "Stuck")
    expect(complaints()).toEqual([])
  })

  it("finds orders by filters, page by page, and shows new ones without a reload", async () => {
    const { page } = operator
    const ids = []
    for (let n = 0; n < 52; n++) ids.push(await system.order({ item: n === 0 ? 15 : 1 }))
    await go("/console/orders")
    const rows = page.locator("tbody tr")
    const linkTo = (id: string) => page.locator(`a[href="/console/orders/${id}"]`)
    await until("there is a full page", patienceMs, async () => await rows.count() === 50)
    await page.getByRole("button", { name: "Next" }).click()
    await until("the rest is shown", patienceMs, async () => await rows.count() < 50)
    await page.getByRole("button", { name: "Previous" }).click()
    await until("the first is shown", patienceMs, async () => await rows.count() === 50)
    const fresh = await system.order({ slot: "19:00" })
    await linkTo(fresh).waitFor()
    await page.getByLabel("Item", { exact: true }).fill("15")
    await page.getByRole("button", { name: "Search" }).click()
    await page.waitForURL(/\?item=15$/)
    await linkTo(ids[0]!).waitFor()
    await until(
      "all other orders are gone",
      patienceMs,
      async () => await rows.getByText("Can not reserve the item").count() === await rows.count(),
    )
    await page.getByLabel("State").selectOption("completed")
    await says(page, "No matching orders")
    await page.getByRole("link", { name: "Clear" }).click()
    await linkTo(fresh).click()
    await says(page, /Slots rejected slot 19:00/)
    await says(page, /The order is final: no action is possible/)
    for (const id of ["cut-off", "00000000-0000-7000-8000-000000000000"]) {
      await go(`/console/orders/${id}`)
      await says(page, "There is no such order")
    }
  })

  it("says why an order waits, cancels it, and distinguishes undone from stuck", async () => {
    const { page } = operator
    const mendSlots = await system.refuse("slots", "reserved")
    const mendItems = await system.refuse("items", "cancelled")
    const id = await system.order({})
    await go(`/console/orders/${id}`)
    await says(page, /Its saga cannot reserve the slot at slots/)
    await says(page, "Pending")
    const another = await page.context().newPage()
    await another.goto(page.url())
    for (const each of [page, another]) {
      await each.getByRole("button", { name: "Cancel the order" }).click()
    }
    await confirm("Cancel the order", "The order is cancelled and is being undone.")
    await confirm("Cancel the order", "The order was already cancelled.", another)
    await another.close()
    await mendSlots()
    await says(page, "Undoing is stuck")
    await says(page, /Undoing is stuck: items has not undone the item/)
    await page.getByRole("button", { name: "Retry now" }).click()
    await confirm("Retry now", /retried|retry|attempt/)
    await mendItems()
    await says(page, "Failed, undone")
    await says(page, /The order was cancelled before it was decided.*the order holds nothing/)
  })

  it("groups stuck orders, counts them before it acts, and retries them all at once", async () => {
    const { page } = operator
    const mend = await system.refuse("items", "cancelled")
    const ids = [await system.order({ slot: "19:00" }), await system.order({ slot: "19:00" })]
    await go("/console/stuck")
    const group = page.getByRole("region", { name: "Undo the item at items" })
    await group.waitFor()
    await until(
      "both orders are in the group",
      patienceMs,
      async () => await group.locator("dd").first().textContent() === "2",
    )
    await group.getByText("Show the orders").click()
    await until(
      "both orders are listed",
      patienceMs,
      async () => await group.locator("tbody tr").count() === ids.length,
    )
    await group.getByRole("button", { name: /^Retry now/ }).click()
    await page.getByRole("button", { name: "Count first" }).click()
    await says(page, /\d waiting for the next attempt, \d in progress/)
    await mend()
    await confirm("Retry now", /\d retried now/)
    await says(page, "Nothing is stuck")
  })

  it("shows dead letters, and redrives or discards the selected ones", async () => {
    const { page } = operator
    await system.sendNoise()
    await system.sendNoise()
    await go("/console/dead-letters")
    const letters = page.locator(".letters > li")
    await until("both letters are shown", patienceMs, async () => await letters.count() === 2)
    await letters.first().getByText("Payload").click()
    await says(page, "noise")
    await letters.first().getByRole("checkbox").check()
    expect(await page.getByRole("button", { name: /^Redrive/ }).isDisabled()).toBe(true)
    await page.getByRole("button", { name: /^Discard/ }).click()
    await confirm("Discard", "1 discarded.")
    await until("one letter is left", patienceMs, async () => await letters.count() === 1)
    await system.bury(await system.order({}))
    await until(
      "the buried order is shown too",
      patienceMs,
      async () => await letters.count() === 2,
    )
    await page.getByLabel("All on this page").check()
    await page.getByRole("button", { name: /^Redrive/ }).click()
    await confirm("Redrive", "1 redriven, 1 unreadable and kept.")
    await until("the buried order is gone", patienceMs, async () => await letters.count() === 1)
    await page.getByLabel("All on this page").check()
    await page.getByRole("button", { name: /^Discard/ }).click()
    await confirm("Discard", "1 discarded.")
    await says(page, "No dead letters")
  })

  it("adjusts what is left once, and never below zero", async () => {
    const { page } = operator
    await go("/console/stock?of=slots")
    const row = page.getByRole("row", { name: /^07:00/ })
    // The shop's orders choose any slot, so some of this one may be reserved.
    const left = Number(await row.locator(".number").first().textContent())
    await row.getByRole("button", { name: /^Adjust/ }).click()
    await page.getByLabel("Change").fill("-1000")
    await page.getByLabel(/^Reason/).fill("too many")
    await page.getByRole("dialog").getByRole("button", { name: "Adjust", exact: true }).click()
    await page.getByRole("dialog").getByRole("alert").waitFor()
    await page.getByLabel("Change").fill("25")
    await confirm("Adjust", `Adjusted: ${left + 25} left of 07:00.`)
    await row.getByText(String(left + 25)).waitFor()
    await says(page, "“a test wants it”")
    // The same by keyboard alone: the dialog takes the focus, keeps it, and gives it back.
    const adjust = row.getByRole("button", { name: /^Adjust/ })
    await adjust.focus()
    await page.keyboard.press("Enter")
    await page.getByRole("dialog").waitFor()
    await page.keyboard.press("Escape")
    await page.getByRole("dialog").waitFor({ state: "detached" })
    expect(await adjust.evaluate((button) => button === document.activeElement)).toBe(true)
    await page.keyboard.press("Enter")
    await page.getByRole("dialog").waitFor()
    await page.keyboard.type("-5")
    await page.keyboard.press("Tab")
    await page.keyboard.type("by keyboard")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await says(page, `Adjusted: ${left + 20} left of 07:00.`)
    await page.getByRole("link", { name: "Accounts" }).click()
    await page.getByLabel("Name starts with").fill("operator")
    await page.getByRole("button", { name: "Search" }).click()
    await page.getByRole("row", { name: /^operator 100\.00/ }).waitFor()
  })

  it("shows the health of every service, and the audit's verdict", async () => {
    const { page } = operator
    await go("/console/health")
    await until(
      "all services are ready",
      patienceMs,
      async () => await page.locator(".services .badge.good").count() === serviceNames.length,
    )
    await page.locator("canvas").nth(1).waitFor()
    const verdict = page.getByRole("region", { name: "Audit" }).locator(".badge")
    expect(await verdict.textContent()).toMatch(/sound|unknown/)
  })

  it("has no page Faults where faults are not allowed", async () => {
    const { page } = operator
    await go("/console/health")
    await page.locator(".services").waitFor()
    const isAnswered = page.waitForResponse(/\/api\/console\/faults$/)
    await go("/console/faults")
    expect((await isAnswered).status()).toBe(404)
    await says(page, "This page does not exist")
    await says(page, /FAULTS=1/)
    expect(await page.getByRole("link", { name: "Faults" }).count()).toBe(0)
  })

  const pages = [
    "/console",
    "/console/orders",
    "/console/stuck",
    "/console/dead-letters",
    "/console/stock",
    "/console/health",
  ]
  it("passes axe and does not overflow, at both widths and in both colour schemes", async () => {
    const { page } = operator
    const id = await system.order({ slot: "19:00" })
    await system.sendNoise()
    for (const path of [...pages, `/console/orders/${id}`]) {
      await page.setViewportSize(wide)
      await go(path)
      await page.locator("h1").waitFor()
      await until(
        `${path} is loaded`,
        patienceMs,
        async () => await page.getByText("Loading …").count() === 0,
      )
      await expectNoComplaint(page, path)
    }
  })

  it.runIf(process.env["UNWIND_SCREENSHOTS"])("takes the pictures of the README", async () => {
    await takePictures(system, browser, operator.page)
  })
})
