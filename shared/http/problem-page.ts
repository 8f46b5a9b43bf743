/** The catalogue of problems as a page: the `type` of each problem links to its entry here. */
import { html } from "hono/html"
import { catalogue } from "./problem-codes.ts"

/** Text in `backticks` is code. */
const marked = (text: string) =>
  text.split("`").map((part, n) => n % 2 === 0 ? part : html`<code>${part}</code>`)

export const problemPage = html`
  <!doctype html>
  <html lang="en">
    <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <title>Unwind: problems</title>
      <link rel="icon" href="/docs/favicon-32x32.png">
      <style>
      :root { color-scheme: light dark }
      body { font: 1rem/1.5 system-ui, sans-serif; max-width: 44rem; margin: 2rem auto; padding: 0 1rem }
      h2 { font-size: 1rem; margin: 1.5rem 0 0 }
      p { margin: .25rem 0 }
      :target { outline: 2px solid; outline-offset: .5rem }
    </style>
    </head>
    <body>
    <h1>Problems</h1>
    <p>Every error is an <code>application/problem+json</code> (RFC 9457). Program against its <code>code</code>; its
    <code>type</code> links to the entry below. The <a href="/docs">API</a> lists the statuses of each route.</p>
    ${catalogue.map(({ code, statuses, cause, remedy }) =>
      html`
        <section id="${code}">
          <h2><code>${code}</code> (${statuses.join(", ")})</h2>
          <p>${marked(cause)}</p>
          <p>${marked(remedy)}</p>
        </section>
      `
    )}
    </body>
  </html>
`
