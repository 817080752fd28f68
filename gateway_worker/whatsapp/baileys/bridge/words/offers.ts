/**
 * What a message of a business shows and offers: its text, its buttons, and the rows of its lists, orders and products.
 *
 * Several of these carry JSON of the sender's making. It is parsed up to `MAX_JSON` characters a message, in no more than a
 * millisecond or two; a button whose words do not fit is told by its type alone.
 */
import { MAX_BUTTONS, MAX_ROWS } from './limits.ts'

/** `id` comes back with the answer; `url`, `phone` and `code`: what it opens, calls or copies; `card`: of which card, from 0. */
export interface Button {
  type: string
  id: string | null
  text: string
  url: string | null
  phone: string | null
  code: string | null
  card: number | null
}

/** Something to choose, or that is listed: a product, an order. */
export interface Row {
  id: string | null
  title: string
  description: string | null
  section: string | null
}

/** `lines` are from top to bottom, empty ones among them. */
export interface Offer {
  lines: Line[]
  buttons: Button[]
  rows: Row[]
}

export type Line = string | null | undefined
export type Json = Record<string, unknown>
export type ReadJson = (text: Line) => Json

const MAX_JSON = 32_768

/** Reads the JSON of one message; empty is what is no object, or too much. */
export function jsonReader(): ReadJson {
  let left = MAX_JSON
  return (text) => {
    if (!text || (left -= text.length) < 0) return {}
    try {
      return objectOf(JSON.parse(text))
    } catch {
      return {}
    }
  }
}

export function objectOf(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.slice(0, MAX_ROWS).map(objectOf) : []
}

/** The first of these that is a text (or a number) and not empty. */
export function firstText(...values: unknown[]): string | null {
  const found = values.find((value) => (typeof value === 'string' && value !== '') || Number.isFinite(value)) as string | number | undefined
  return found === undefined ? null : String(found)
}

/** The lines of a message as one text. */
export function textOf(lines: readonly Line[]): string {
  return lines.filter((line) => line != null && line !== '').join('\n')
}

export function button(type: string, text: Line, more: Partial<Omit<Button, 'type' | 'text'>> = {}): Button {
  const code = more.code ?? codeIn(more.url)
  return { type, id: null, text: text ?? '', url: null, phone: null, card: null, ...more, code }
}

export function row(id: Line, title: Line, description: Line = null, section: Line = null): Row {
  return { id: id || null, title: title ?? '', description: description || null, section: section || null }
}

/** The code that WhatsApp's own links to one-time passwords carry: their button copies it. */
function codeIn(url: Line): string | null {
  const code = url?.startsWith('https://www.whatsapp.com/otp/') ? URL.parse(url)?.searchParams.get('code') : null
  return code?.replace(/^otp/, '') || null
}

/** What a button of a native flow says, by the JSON that its sender gave it. */
export function flowOffer(name: Line, json: Json): Offer {
  const type = name || 'unknown'
  const sections = listOf(json['sections'])
  const settings = listOf(json['payment_settings']).map((each) => objectOf(each['pix_static_code']))
  const offered = button(type, firstText(json['display_text'], json['flow_cta'], json['title']), {
    id: firstText(json['id'], json['reference_id'], json['flow_id']),
    url: firstText(json['url'], objectOf(json['link'])['url'], json['merchant_url']),
    phone: firstText(json['phone_number']),
    code: firstText(json['copy_code'], ...settings.map(({ key }) => key))
  })
  return { lines: orderLines(json), buttons: [offered], rows: sections.flatMap(rowsOf) }
}

function rowsOf(section: Json): Row[] {
  return listOf(section['rows']).map((each) => {
    return row(firstText(each['id']), firstText(each['title'], each['header']), firstText(each['description']), firstText(section['title']))
  })
}

/** An order to be looked at or paid. */
function orderLines(json: Json): string[] {
  const currency = firstText(json['currency'])
  const order = objectOf(json['order'])
  const items = listOf(order['items']).map((item) => {
    const amount = amountOf(item['amount'], currency)
    return [`${firstText(item['quantity']) ?? 1} × ${firstText(item['name'], item['retailer_id']) ?? ''}`, amount]
      .filter(Boolean)
      .join(': ')
  })
  return [...items, amountOf(json['total_amount'], currency) ?? ''].filter((line) => line !== '')
}

function amountOf(amount: unknown, currency: Line): string | null {
  const { value, offset } = objectOf(amount)
  return moneyOf(value, Number(offset) || 1, currency)
}

/** An amount as it is read: `12.50 EUR`. */
export function moneyOf(amount: unknown, parts: number, currency: Line): string | null {
  const value = amount == null ? Number.NaN : Number(amount) / parts
  if (!Number.isFinite(value)) return null
  return [Number.isInteger(value) ? String(value) : value.toFixed(2), currency].filter(Boolean).join(' ')
}

/** Several of them as one. */
export function together(...offers: readonly Offer[]): Offer {
  return {
    lines: offers.flatMap(({ lines }) => lines),
    buttons: offers.flatMap(({ buttons }) => buttons).slice(0, MAX_BUTTONS),
    rows: offers.flatMap(({ rows }) => rows).slice(0, MAX_ROWS)
  }
}

export function offer(lines: Line[] = [], buttons: Button[] = [], rows: Row[] = []): Offer {
  return { lines, buttons, rows }
}
