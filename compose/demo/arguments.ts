/** The demo's command line: which system it talks to. */

export type Arguments =
  | { readonly task: "run"; readonly baseUrl: string | undefined }
  | { readonly task: "help" }
  | { readonly task: "refuse"; readonly message: string }

export const help = `Usage: npm run demo [-- --base-url URL]

Signs up a new user, places four orders, and draws what really happened to each. Exits with 0 when
everything is as expected, with 1 when something is not, and with 2 when an option is wrong.

  --base-url URL  the system to talk to; without it, the one at http://localhost:$PORT (PORT is 8080
                  where it is not set), or one of the demo's own, gone again at its end
  --help          show this

Colour is only for terminals, and never with NO_COLOR set.`

/** Understands the words after the program's name; what cannot be understood becomes a message of one line. */
export const parseArguments = (words: ReadonlyArray<string>): Arguments => {
  let baseUrl: string | undefined
  for (let n = 0; n < words.length; n++) {
    const word = words[n] ?? ""
    if (word === "--help" || word === "-h") return { task: "help" }
    if (word !== "--base-url" && !word.startsWith("--base-url=")) {
      return refuse(`The demo does not know ${JSON.stringify(word)}`)
    }
    const given = word === "--base-url" ? words[++n] : word.slice("--base-url=".length)
    baseUrl = given && normalized(given)
    if (!baseUrl) return refuse("--base-url needs a URL such as http://localhost:8080")
  }
  return { task: "run", baseUrl }
}

const refuse = (what: string): Arguments => ({
  task: "refuse",
  message: `${what}: see npm run demo -- --help`,
})

/** Without its trailing slashes, so that paths can be put behind it. */
const normalized = (text: string): string | undefined => {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined
  return `${url.origin}${url.pathname}`.replace(/\/+$/, "")
}
