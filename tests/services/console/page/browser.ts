/** A real browser for tests of the page: the machine's Chromium, whose complaints are recorded. */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { programOnPath } from "#tests/support/program-on-path.ts"

/** The path of Chromium, or undefined where it is not installed. */
export const chromiumPath = ["chromium", "chromium-browser", "google-chrome"]
  .map(programOnPath).find((path) => path !== undefined)

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath!,
    // Chromium has no sandbox for root, as in a container.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  })

export interface Tab {
  readonly page: Page
  /**
   * The errors and warnings in the browser's console, such as a violated policy, since the last
   * call.
   */
  readonly complaints: () => ReadonlyArray<string>
}

/** The browser complains of these answers too, but the page expects and explains them. */
const isAnswer = /Failed to load resource: the server responded with a status of (401|404|409|422)/

/** A tab in a context of its own, where nobody is signed in. */
export const openTab = async (browser: Browser, options: BrowserContextOptions): Promise<Tab> => {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  const complaints: Array<string> = []
  page.on("pageerror", (error) => void complaints.push(String(error.stack ?? error)))
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type()) && !isAnswer.test(message.text())) {
      complaints.push(`${message.type()}: ${message.text()} (${message.location().url})`)
    }
  })
  return { page, complaints: () => complaints.splice(0) }
}
