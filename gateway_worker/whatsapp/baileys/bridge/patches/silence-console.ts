/**
 * Takes `console` away. libsignal prints private session keys through it, so this module is imported before any other,
 * and nothing in this process writes to stdout or stderr on purpose.
 */
const silent = (): void => undefined

for (const name of Object.keys(console)) {
  if (typeof Reflect.get(console, name) === 'function') Reflect.set(console, name, silent)
}
