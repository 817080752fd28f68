/* In the page that asks: passes its request on, and the answer back. The page sees that it is here by
   <html data-gateway-passkey>. What it may send and gets is in deploy/passkeys.md. */
'use strict'
;(() => {
  const VERSION = chrome.runtime.getManifest().version
  const WAKE_SECONDS = 20 // a service worker ends after 30 s without a message
  let line = null

  const tell = (message) => window.postMessage(message, location.origin)

  const ask = ({ id, session, options }) => {
    line?.disconnect()
    const own = (line = chrome.runtime.connect({ name: 'ask' }))
    const awake = setInterval(() => own.postMessage({ kind: 'awake' }), WAKE_SECONDS * 1000)
    let over = false
    const end = (message) => {
      if (over) return
      over = true
      clearInterval(awake)
      tell({ ...message, id })
      own.disconnect()
    }
    own.onMessage.addListener((answer) => {
      if (answer.kind === 'signed') end({ gatewayPasskey: 'signed', assertion: answer.assertion })
      if (answer.kind === 'failed') end({ gatewayPasskey: 'failed', reason: answer.reason })
    })
    own.onDisconnect.addListener(() => end({ gatewayPasskey: 'failed', reason: 'The extension was stopped: try again.' }))
    own.postMessage({ kind: 'ask', session: String(session ?? ''), options })
  }

  window.addEventListener('message', (event) => {
    if (event.source !== window || event.origin !== location.origin) return
    if (event.data?.gatewayPasskey === 'sign' && typeof event.data.id === 'string') ask(event.data)
  })

  document.documentElement.dataset.gatewayPasskey = VERSION
  tell({ gatewayPasskey: 'here', version: VERSION })
})()
