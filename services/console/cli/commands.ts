/** The commands of `npm run unwind`. Only the one that is called is loaded. */
import type { CommandLine } from "#shared/command/command.ts"

interface Listed {
  readonly says: string
  readonly load: () => Promise<Pick<CommandLine<unknown>, "main" | "execute" | "syntax">>
}

export const commands: Readonly<Record<string, Listed>> = {
  orders: {
    says: "find orders, newest first",
    load: async () => (await import("./orders.ts")).orders,
  },
  show: {
    says: "show one order: its state, and a diagram of what happened",
    load: async () => (await import("./show.ts")).show,
  },
  watch: {
    says: "follow the system, or one order",
    load: async () => (await import("./watch.ts")).watch,
  },
  stuck: {
    says: "show what waits for its next attempt, and why",
    load: async () => (await import("./stuck.ts")).stuck,
  },
  retry: {
    says: "retry now what waits for its next attempt: one order, or many",
    load: async () => (await import("./stuck.ts")).retry,
  },
  cancel: {
    says: "cancel an order that is not decided yet",
    load: async () => (await import("./cancel.ts")).cancel,
  },
  dead: {
    says: "list the dead letters of the order queue",
    load: async () => (await import("./letters.ts")).dead,
  },
  redrive: {
    says: "put the orders of dead letters on the queue again",
    load: async () => (await import("./letters.ts")).redrive,
  },
  discard: {
    says: "remove dead letters for good",
    load: async () => (await import("./letters.ts")).discard,
  },
  stock: {
    says: "list what is left of accounts, items or slots",
    load: async () => (await import("./stock.ts")).stock,
  },
  restock: {
    says: "change what is left of an account, item or slot",
    load: async () => (await import("./stock.ts")).restock,
  },
  audit: {
    says: "check all orders and books for errors",
    load: async () => (await import("./audit/command.ts")).audit,
  },
  heal: {
    says: "give back what is held for failed or unknown orders",
    load: async () => (await import("./audit/verdict.ts")).heal,
  },
  load: {
    says: "place orders at a steady rate, then audit everything",
    load: async () => (await import("./load/command.ts")).load,
  },
  demo: {
    says: "place four orders, three of which fail, and draw what happened",
    load: async () => (await import("./demo/command.ts")).demo,
  },
  operators: {
    says: "grant, revoke or list the right to use the console",
    load: async () => (await import("#compose/operators/command.ts")).operators,
  },
  keys: {
    says: "make the keys of services, or replace those that sign users' tokens",
    load: async () => (await import("#compose/keys.ts")).keys,
  },
}
