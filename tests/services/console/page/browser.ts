/**
 * A real browser for tests of the page: Chromium, as the machine has it. Whatever it complains of
 * is remembered.
 */
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core"
import { programOnPath } from "#tests/support/program-on-path.ts"

/** Where it is; undefined where there is none. */
export const chromiumPath = ["chromium", "chromium-browser", "google-chrome"]
  .map(programOnPath).find((path) => path !== undefined)

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath!,
    // Whoever runs tests as root, as in a container, has no sandbox for it.
    args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
  })

export interface Tab {
  readonly page: Page
  /**
   * What the console of the browser said that it should not, such as a violated policy; taken as it
   * is read.
   */
  readonly complaints: () => ReadonlyArray<string>
}

/**
 * An answer that the page asked for and tells in its own words is a complaint of the browser only.
 */
const isAnswer = /Failed to load resource: the server responded with a status of (401|404|409|422)/

/** A tab of a browser of its own: nobody is signed in there. */
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
