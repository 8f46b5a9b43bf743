/** The frame around every page: navigation, the user, and announcements. */
import type { FunctionComponent } from "preact"
import { useEffect } from "preact/hooks"
import { mayBreak } from "./core/faults.ts"
import { here } from "./core/location.ts"
import { overview, overviewProblem } from "./core/live.ts"
import { asProblem } from "./core/problem.ts"
import { session, signOut } from "./core/session.ts"
import { type Theme, theme, themes } from "./core/theme.ts"
import { DeadLetters } from "./pages/dead-letters.tsx"
import { Faults } from "./pages/faults.tsx"
import { Health } from "./pages/health.tsx"
import { OneOrderPage } from "./pages/order.tsx"
import { Orders } from "./pages/orders.tsx"
import { Shop } from "./pages/shop.tsx"
import { StockPage } from "./pages/stock.tsx"
import { Stuck } from "./pages/stuck.tsx"
import { announce, Announced } from "./parts/announced.tsx"
import { Empty, Loading } from "./parts/notices.tsx"
import { OperatorsOnly } from "./parts/operators-only.tsx"

interface Page {
  readonly path: string
  readonly title: string
  readonly show: FunctionComponent
  /** The number shown beside the title. */
  readonly count?: () => number | undefined
  /** Whether an optional page exists; undefined while unknown. */
  readonly isThere?: () => boolean | undefined
}

const faultsPage = "/console/faults"

/** All but the first are for operators, in the order in which they need them. */
const pages: ReadonlyArray<Page> = [
  { path: "/console", title: "Shop", show: Shop },
  { path: "/console/orders", title: "Orders", show: Orders },
  {
    path: "/console/stuck",
    title: "Stuck",
    show: Stuck,
    count: () => overview.value?.stuck?.orders,
  },
  {
    path: "/console/dead-letters",
    title: "Dead letters",
    show: DeadLetters,
    count: () => overview.value?.queue?.deadLetters,
  },
  { path: "/console/stock", title: "Stock", show: StockPage },
  { path: "/console/health", title: "Health", show: Health },
  {
    path: faultsPage,
    title: "Faults",
    show: Faults,
    isThere: () => mayBreak.value,
  },
]

const shop = pages[0]!

/** Leaves out pages that may not exist. */
const shownPages = () => pages.filter(({ isThere }) => !isThere || isThere())

const current = () => {
  const there = pages.filter(({ isThere }) => isThere?.() !== false)
  const path = here.value.pathname.replace(/(?<=.)\/$/, "")
  return path.startsWith("/console/orders/")
    ? there.find(({ path }) => path === "/console/orders")
    : there.find((page) => page.path === path)
}

export const Frame = () => {
  const page = current()
  const title = page?.title ?? "Page not found"
  useEffect(() => {
    document.title = `${title} · Unwind`
  }, [title])
  return (
    <>
      <a class="skip" href="#content">Skip to the content</a>
      <header class="frame">
        <a class="brand" href={shop.path}>
          <Mark />
          <span>Unwind</span>
        </a>
        <nav aria-label="Pages">
          {shownPages().map((each) => (
            <NavLink key={each.path} page={each} isCurrent={each === page} />
          ))}
        </nav>
        <div class="tools">
          <ThemeSwitch />
          <Who />
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Content page={page} />
      </main>
      <Announced />
    </>
  )
}

const NavLink = ({ page, isCurrent }: { readonly page: Page; readonly isCurrent: boolean }) => {
  const count = page.count?.() ?? 0
  return (
    <a href={page.path} {...(isCurrent && { "aria-current": "page" as const })}>
      {page.title}
      {count > 0 && <span class="count">{count > 999 ? "999+" : count}</span>}
    </a>
  )
}

const Content = ({ page }: { readonly page: Page | undefined }) => {
  const { value: who } = session
  if (page === undefined) {
    return (
      <>
        <h1 tabIndex={-1}>Page not found</h1>
        <Empty title="This page does not exist">
          Go to <a href={shop.path}>the shop</a>.
          {here.value.pathname === faultsPage &&
            " The page Faults exists only where FAULTS=1 is set."}
        </Empty>
      </>
    )
  }
  if (page === shop) return <Shop />
  if (who === undefined) return <Loading />
  if (!who?.operator) return <OperatorsOnly title={page.title} />
  const { pathname } = here.value
  const Show = page.show
  return (
    <>
      {overviewProblem.value && (
        <p class="trouble" role="status">
          <span aria-hidden="true">⚠</span> This page may be out of date:{" "}
          {overviewProblem.value.message}
        </p>
      )}
      {pathname.startsWith("/console/orders/") ? <OneOrderPage /> : <Show />}
    </>
  )
}

const Mark = () => (
  <svg width="22" height="22" viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="7" class="mark" />
    <path class="mark-line" d="M9 8v9a7 7 0 0 0 14 0v-1M18 16.500l5-5 5 5" />
  </svg>
)

const ThemeSwitch = () => (
  <label class="theme">
    <span class="hidden">Colours</span>
    <select
      value={theme.value}
      onChange={(event) => theme.value = event.currentTarget.value as Theme}
    >
      {themes.map((name) => (
        <option key={name} value={name}>
          {name === "auto" ? "System" : name === "light" ? "Light" : "Dark"}
        </option>
      ))}
    </select>
  </label>
)

const Who = () => {
  const { value: who } = session
  if (!who) return null
  const leave = () => signOut().catch((error) => announce(asProblem(error).message, "bad"))
  return (
    <div class="who">
      <span title={who.operator ? "Operator" : "Customer"}>
        {who.username}
        {who.operator && who.username !== "operator" && <small>operator</small>}
      </span>
      <button type="button" class="quiet" onClick={leave}>Sign out</button>
    </div>
  )
}
