/**
 * Texts of strangers, as PostgreSQL and JSON can hold them: without NUL and without half a surrogate pair.
 *
 * Refusing one would refuse the commit it is in; the stanza would come again after every reconnect, and the session
 * would never get past it.
 */
const MAX_ID = 256

export function clean(text: string): string {
  return text.replaceAll('\0', '\uFFFD').toWellFormed()
}

/** A name that ends up in an index, where a row has a limit. */
export function cleanId(text: string): string {
  return clean(text.slice(0, MAX_ID))
}

/** A document of strangers with every text in it cleaned. */
export function cleaned<T>(value: T): T {
  if (typeof value === 'string') return clean(value) as T
  if (Array.isArray(value)) return value.map((item: unknown) => cleaned(item)) as T
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, cleaned(item)])) as T
}

/** Seconds since 1970 as a stanza gives them; 0 when it gives nonsense. */
export function secondsOf(text: unknown): number {
  const seconds = Number(text ?? 0)
  return Number.isFinite(seconds) ? seconds : 0
}
