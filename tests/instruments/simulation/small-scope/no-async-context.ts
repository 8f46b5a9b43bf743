/**
 * To be imported before Effect, by threads that do nothing but simulate: has Effect not remember
 * for each fiber in which asynchronous context of the platform it waits. Nobody asks for it there,
 * and it would take a few per cent of the time.
 */
const { getBuiltinModule } = process

process.getBuiltinModule =
  ((id: string) =>
    id === "node:async_hooks" ? undefined : getBuiltinModule(id)) as typeof getBuiltinModule
