/** The commands of `npm run unwind`: what each does, and where it is. Only the one that is called is loaded. */
import type { Command } from "#shared/command/command.ts"

interface Listed {
  readonly says: string
  readonly load: () => Promise<Pick<Command<unknown>, "main" | "execute" | "syntax">>
}

export const commands: Readonly<Record<string, Listed>> = {
  orders: {
    says: "orders by what is known of them, newest first",
    load: async () => (await import("./orders.ts")).orders,
  },
  show: {
    says: "one order: how it stands, and what happened to it as a diagram",
    load: async () => (await import("./show.ts")).show,
  },
  watch: {
    says: "the system, or one order, as it goes",
    load: async () => (await import("./watch.ts")).watch,
  },
  stuck: {
    says: "what waits for another try, and why",
    load: async () => (await import("./stuck.ts")).stuck,
  },
  retry: {
    says: "try now what waits for its next try: one order, or many",
    load: async () => (await import("./stuck.ts")).retry,
  },
  cancel: {
    says: "an order that is not decided yet",
    load: async () => (await import("./cancel.ts")).cancel,
  },
  dead: {
    says: "the dead letters of the order queue",
    load: async () => (await import("./letters.ts")).dead,
  },
  redrive: {
    says: "put dead letters on the queue again",
    load: async () => (await import("./letters.ts")).redrive,
  },
  discard: {
    says: "throw dead letters away",
    load: async () => (await import("./letters.ts")).discard,
  },
  stock: {
    says: "what is left of accounts, items and slots",
    load: async () => (await import("./stock.ts")).stock,
  },
  restock: {
    says: "change what is left, and say why",
    load: async () => (await import("./stock.ts")).restock,
  },
  audit: {
    says: "are all books in order?",
    load: async () => (await import("./audit/command.ts")).audit,
  },
  heal: {
    says: "give back what is held for failed orders and for none",
    load: async () => (await import("./audit/verdict.ts")).heal,
  },
  load: {
    says: "orders at a steady rate, and an audit at the end",
    load: async () => (await import("./load/command.ts")).load,
  },
  demo: {
    says: "four orders, three of them undone, drawn as they happened",
    load: async () => (await import("./demo/command.ts")).demo,
  },
  operators: {
    says: "who may use the console: grant, revoke, list",
    load: async () => (await import("#compose/operators/command.ts")).operators,
  },
  keys: {
    says: "make the keys of services, or replace those that sign users' tokens",
    load: async () => (await import("#compose/keys.ts")).keys,
  },
}
