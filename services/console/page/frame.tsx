/** What stands around every page: where one can go, who is signed in, what has just been done. */
import type { FunctionComponent } from "preact"
import { useEffect } from "preact/hooks"
import { here } from "./core/location.ts"
import { overview, overviewProblem } from "./core/live.ts"
import { asProblem } from "./core/problem.ts"
import { session, signOut } from "./core/session.ts"
import { type Theme, theme, themes } from "./core/theme.ts"
import { DeadLetters } from "./pages/dead-letters.tsx"
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
  /** How many things wait there. */
  readonly count?: () => number | undefined
}

/** Those of operators behind the first, in the order in which they look at them. */
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
]

const shop = pages[0]!

const current = () => {
  const path = here.value.pathname.replace(/(?<=.)\/$/, "")
  return path.startsWith("/console/orders/")
    ? pages.find(({ path }) => path === "/console/orders")
    : pages.find((page) => page.path === path)
}

export const Frame = () => {
  const page = current()
  const title = page?.title ?? "Nothing here"
  useEffect(() => {
    document.title = `${title} · Unwind`
  }, [title])
  return (
    <>
      <a class="skip" href="#content">To the content</a>
      <header class="frame">
        <a class="brand" href={shop.path}>
          <Mark />
          <span>Unwind</span>
        </a>
        <nav aria-label="Pages">
          {pages.map((each) => <NavLink key={each.path} page={each} isCurrent={each === page} />)}
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
        <h1 tabIndex={-1}>Nothing here</h1>
        <Empty title="There is no such page">
          <a href={shop.path}>The shop</a> is open.
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
          <span aria-hidden="true">⚠</span> What you see may be old: {overviewProblem.value.message}
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
