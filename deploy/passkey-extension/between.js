/* Between the page that asks and the tab that signs. Nothing is stored; a request lives as long as the page's line. */
'use strict'

const SITE = 'https://web.whatsapp.com/'
const waiting = new Map() // tab that signs → { line to the page, what is asked }
const signers = new Map() // tab of WhatsApp's site → line to it

chrome.runtime.onConnect.addListener((line) => {
  if (line.name === 'ask') fromPage(line)
  if (line.name === 'sign') fromSigner(line)
})

function fromPage(line) {
  let tab = null
  let gone = false
  const drop = () => {
    gone = true
    if (tab !== null) waiting.delete(tab)
  }
  line.onDisconnect.addListener(drop)
  line.onMessage.addListener(async (message) => {
    if (message.kind !== 'ask' || tab !== null) return
    const problem = problemOf(message.options)
    if (problem) return line.postMessage({ kind: 'failed', reason: problem })
    const made = await chrome.tabs.create({ url: SITE, active: true, openerTabId: line.sender.tab.id })
    tab = made.id
    if (gone) return
    const ask = { kind: 'ask', session: message.session, options: message.options, origin: line.sender.origin }
    waiting.set(tab, { line, page: line.sender.tab.id, ask })
    signers.get(tab)?.postMessage(ask) // it may have been faster
  })
}

function fromSigner(line) {
  const tab = line.sender.tab.id
  signers.set(tab, line)
  line.onDisconnect.addListener(() => signers.get(tab) === line && signers.delete(tab))
  const first = waiting.get(tab)
  if (first) line.postMessage(first.ask)
  line.onMessage.addListener((message) => {
    const request = waiting.get(tab)
    if (!request || (message.kind !== 'signed' && message.kind !== 'failed')) return
    waiting.delete(tab)
    request.line.postMessage(message)
    chrome.tabs.update(request.page, { active: true }).catch(() => {})
    chrome.tabs.remove(tab).catch(() => {})
  })
}

chrome.tabs.onRemoved.addListener((tab) => {
  const request = waiting.get(tab)
  waiting.delete(tab)
  request?.line.postMessage({ kind: 'failed', reason: 'The tab was closed before anything was signed.' })
})

/** What is wrong with the request, before a tab is opened: only WhatsApp's own are signed. */
function problemOf(options) {
  if (typeof options !== 'object' || options === null) return 'The page asked for nothing.'
  if (options.rpId !== 'whatsapp.com') return 'This is not a request of WhatsApp’s.'
  if (typeof options.challenge !== 'string' || options.challenge === '') return 'The request has no challenge.'
  return null
}
