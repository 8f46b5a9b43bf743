/**
 * The console in a real browser while the system is unsound or incomplete: an orphan that an
 * operator heals, and unavailable services.
 */
import type { Browser, Page } from "playwright-core"
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest"
import { type ServiceName, serviceNames } from "#shared/roster.ts"
import { until } from "#tests/support/customer.ts"
import { patienceMs } from "#tests/support/patience.ts"
import { chromiumPath, launch, openTab, type Tab } from "./browser.ts"
import { expectNoComplaint, wide } from "./looks.ts"
import { type PageSystem, startPageSystem } from "./page-system.ts"

const needsChromium = chromiumPath === undefined
const title = needsChromium ? " (skipped: chromium not installed)" : ""

describe.skipIf(needsChromium)(`the page of an unsound system in a browser${title}`, () => {
  let system: PageSystem
  let browser: Browser
  let operator: Tab
  let page: Page
  beforeAll(async () => {
    system = await startPageSystem({ AUDIT_EVERY: "300 millis" })
    browser = await launch()
    operator = await openTab(browser, { viewport: wide })
    page = operator.page
    page.setDefaultTimeout(patienceMs)
    await page.goto(system.signInUrl)
    await page.getByRole("button", { name: "Sign out" }).waitFor()
  })
  afterAll(async () => {
    await browser?.close()
    await system?.stop()
  })
  // Requests for the data of an unavailable service get 503, which the page explains.
  afterEach(() =>
    expect(operator.complaints().filter((text) => !/ a status of 503 /.test(text))).toEqual([])
  )

  const go = async (path: string) => {
    await page.setViewportSize(wide)
    await page.goto(system.baseUrl + path)
  }
  const audit = () => page.getByRole("region", { name: "Audit", exact: true })
  const verdict = (name: string) => audit().locator(".badge").getByText(name).waitFor()
  const figure = (name: string) =>
    page.locator(".numbers > div").filter({ has: page.getByText(name, { exact: true }) })
      .locator("dd")
  const stateOf = (service: ServiceName, state: string) =>
    page.locator(".services > li").filter({ has: page.getByText(service, { exact: true }) })
      .locator(".badge").getByText(state).waitFor()

  it("shows an orphan, counts what would be healed, and heals it", async () => {
    const items = system.sql("items")
    const orphan = crypto.randomUUID() as string
    const left = async () => {
      const [row] = await items<[{ stock: string }]>`select stock from items where id = '1'`
      return Number(row.stock)
    }
    await go("/console/health")
    await verdict("sound")
    const before = await left()
    await items`insert into reservations (order_id, outcome, resource, quantity, recorded_at)
      values (${orphan}, 'reserved', '1', 1, now() - interval '1 day')`
    await items`update items set stock = stock - 1 where id = '1'`

    await verdict("findings")
    const row = audit().getByRole("row", { name: /^orphan/ })
    await row.getByText(/orders knows no such order, but items holds 1 of 1/).waitFor()
    expect(await row.locator("a").getAttribute("href")).toBe(`/console/orders/${orphan}`)
    await expectNoComplaint(page, "/console/health, findings")

    await audit().getByRole("button", { name: "Heal …" }).click()
    const dialog = page.getByRole("dialog", { name: "Heal" })
    await dialog.getByRole("button", { name: "Count first" }).click()
    await dialog.getByText("It would heal 1.").waitFor()
    expect(await left()).toBe(before - 1)
    await expectNoComplaint(page, "/console/health, dialog")
    await page.setViewportSize(wide)
    await dialog.getByLabel(/^Reason/).fill("after the restore of items")
    await dialog.getByRole("button", { name: "Heal", exact: true }).click()
    await page.getByRole("status").getByText("1 of 1 healed.").waitFor()

    await verdict("sound")
    await row.waitFor({ state: "detached" })
    expect(await audit().getByRole("button", { name: "Heal …" }).count()).toBe(0)
    expect(await left()).toBe(before)
    // The trail has no entry for a dry run, which changes nothing.
    const trail = await system.sql("auth")`
      select username, outcome, why from audit_trail where event = 'audit-heal' order by at`
    expect(trail.map(({ username, outcome, why }) => [username, outcome, why])).toEqual([
      ["operator", "done", "after the restore of items"],
    ])
  })

  it("names an unavailable service, and still shows the others' data", async () => {
    const mend = await system.cutOff("orders")
    await go("/console/orders")
    await page.getByRole("alert").filter({ hasText: "orders is unavailable: " }).waitFor()
    expect(await page.getByText("No orders yet").count()).toBe(0)
    await expectNoComplaint(page, "/console/orders, orders is unavailable")
    await go("/console/stock")
    await page.getByRole("row", { name: /^1 / }).waitFor()

    await go("/console/health")
    await page.getByText(/Some services did not answer, so this page is incomplete: orders \(/)
      .waitFor()
    await audit().getByText(
      /The last audit failed because some services did not answer: .*orders \(/,
    ).waitFor()
    await verdict("sound")
    await stateOf("orders", "not ready")
    for (const service of serviceNames.filter((name) => name !== "orders")) {
      await stateOf(service, "ready")
    }
    expect(await figure("Pending").textContent()).toBe("unknown")
    expect(await figure("In the queue").textContent()).toMatch(/^\d+$/)
    await expectNoComplaint(page, "/console/health, orders is unavailable")
    await page.setViewportSize(wide)
    await mend()
    await stateOf("orders", "ready")
    await until(
      "the page is complete",
      patienceMs,
      async () => await page.locator(".trouble").count() === 0,
    )
    expect(await figure("Pending").textContent()).toMatch(/^\d+$/)
  })

  it("shows a list without a reload once its service is back", async () => {
    const mend = await system.cutOff("slots")
    await go("/console/stock?of=slots")
    const troubles = page.getByRole("alert").filter({ hasText: "slots is unavailable: " })
    await until("both lists name slots", patienceMs, async () => await troubles.count() === 2)
    expect(await page.locator("tbody tr").count()).toBe(0)
    await expectNoComplaint(page, "/console/stock, slots is unavailable")
    await mend()
    await page.getByRole("row", { name: /^09:00/ }).waitFor()
    await until("no list names slots", patienceMs, async () => await troubles.count() === 0)
  })
})
