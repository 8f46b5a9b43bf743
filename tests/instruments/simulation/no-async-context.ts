/**
 * For threads that only simulate; import it before Effect. It keeps Effect from remembering the
 * platform's asynchronous context for each fiber. Nothing uses that context there, and it would
 * take a few per cent of the time.
 */
const { getBuiltinModule } = process

process.getBuiltinModule =
  ((id: string) =>
    id === "node:async_hooks" ? undefined : getBuiltinModule(id)) as typeof getBuiltinModule
