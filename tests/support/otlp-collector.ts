/** A collector of OTLP over HTTP, in JSON, that keeps what it receives. */
import { once } from "node:events"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"

interface KeyValue {
  readonly key: string
  readonly value: Readonly<Record<string, unknown>>
}

interface Resource<Scoped> {
  readonly resource: { readonly attributes: ReadonlyArray<KeyValue> }
  readonly scopeSpans?: ReadonlyArray<{ readonly spans: ReadonlyArray<Scoped> }>
  readonly scopeMetrics?: ReadonlyArray<{ readonly metrics: ReadonlyArray<Scoped> }>
}

interface SentSpan {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: ReadonlyArray<KeyValue>
  readonly links: ReadonlyArray<{ readonly traceId: string; readonly spanId: string }>
}

export interface Span extends Omit<SentSpan, "attributes"> {
  readonly attributes: Readonly<Record<string, unknown>>
}

export interface SentMetric {
  readonly name: string
  readonly unit?: string
  readonly gauge?: object
}

const valueOf = ({ value }: KeyValue) => {
  const [[kind, given] = []] = Object.entries(value)
  return kind === "intValue" ? Number(given) : given
}

export const startCollector = async () => {
  const spans: Array<Span> = []
  const metrics = new Map<string, SentMetric>()
  const resources = new Set<string>()
  const paths = new Set<string>()
  const take = (path: string, body: string) => {
    paths.add(path)
    const { resourceSpans = [], resourceMetrics = [] } = JSON.parse(body) as {
      resourceSpans?: ReadonlyArray<Resource<SentSpan>>
      resourceMetrics?: ReadonlyArray<Resource<SentMetric>>
    }
    for (const { resource, scopeSpans = [] } of resourceSpans) {
      for (const attribute of resource.attributes) resources.add(attribute.key)
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        const attributes = span.attributes.map((one) => [one.key, valueOf(one)])
        spans.push({ ...span, attributes: Object.fromEntries(attributes) })
      }
    }
    for (const { scopeMetrics = [] } of resourceMetrics) {
      for (const metric of scopeMetrics.flatMap(({ metrics }) => metrics)) {
        metrics.set(metric.name, metric)
      }
    }
  }
  const server = createServer((request, response) => {
    const chunks: Array<Buffer> = []
    request.on("data", (chunk: Buffer) => chunks.push(chunk))
    request.on("end", () => {
      take(request.url!, Buffer.concat(chunks).toString())
      response.end("{}")
    })
  }).listen(0, "127.0.0.1")
  await once(server, "listening")
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    metrics,
    /** The attributes of the resources, by key. */
    resources,
    /** What was received, by path. */
    paths,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
