/** The commands of `npm run unwind`: what each does, and where it is. Only the one that is called is loaded. */
import type { Command } from "#shared/command/command.ts"

interface Listed {
  readonly says: string
  readonly load: () => Promise<Pick<Command<unknown>, "main">>
}

export const commands: Readonly<Record<string, Listed>> = {
  audit: {
    says: "are all books in order?",
    load: async () => (await import("./audit/command.ts")).audit,
  },
  demo: {
    says: "four orders, three of them undone, drawn as they happened",
    load: async () => (await import("./demo/command.ts")).demo,
  },
  keys: {
    says: "make the keys of services, or replace those that sign users' tokens",
    load: async () => (await import("#compose/keys.ts")).keys,
  },
  operators: {
    says: "who may use the console: grant, revoke, list",
    load: async () => (await import("#compose/operators/command.ts")).operators,
  },
}
