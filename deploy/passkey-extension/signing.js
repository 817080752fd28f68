/* In the tab of web.whatsapp.com: says who asks, and signs when the person agrees. Without a request it does nothing.
   It runs apart from the page's own scripts, but on the page's origin: that is what the authenticator writes down. */
'use strict'
;(() => {
  const PATIENCE = 300_000 // ms; without an authenticator a browser would wait for ever

  const line = chrome.runtime.connect({ name: 'sign' })
  line.onMessage.addListener((message) => message.kind === 'ask' && show(message))

  const STYLE = `
    .sheet { all: initial; position: fixed; inset: 0; z-index: 2147483647; display: grid; place-items: center; background: rgb(0 0 0 / 55%); color-scheme: light dark; }
    .box { all: revert; box-sizing: border-box; width: min(30rem, calc(100vw - 2rem)); padding: 1.5rem; border-radius: 16px; background: light-dark(#fff, #181d1b); color: light-dark(#1a211e, #e3e9e5); font: 16px/1.5 system-ui, sans-serif; }
    h1 { font-size: 1.2rem; margin: 0 0 .6rem; }
    p { margin: 0 0 .8rem; }
    code { overflow-wrap: anywhere; }
    .buttons { display: flex; gap: .6rem; justify-content: flex-end; margin: 1rem 0 0; }
    button { font: inherit; padding: .5rem 1.1rem; border-radius: 9px; border: 1px solid #8884; background: transparent; color: inherit; cursor: pointer; }
    button.main { background: #0e7a5a; border-color: #0e7a5a; color: #fff; }
    button:disabled { opacity: .5; }`

  function show({ session, options, origin }) {
    const host = document.createElement('gateway-passkey')
    const root = host.attachShadow({ mode: 'open' })
    const style = new CSSStyleSheet()
    style.replaceSync(STYLE)
    root.adoptedStyleSheets = [style]
    const make = (name, text, parent) => {
      const element = document.createElement(name)
      element.textContent = text
      parent.append(element)
      return element
    }
    const sheet = make('div', '', root)
    sheet.className = 'sheet'
    const box = make('div', '', sheet)
    box.className = 'box'
    box.setAttribute('role', 'dialog')
    make('h1', 'Link this WhatsApp account to a gateway?', box)
    const asks = make('p', '', box)
    make('code', origin, asks)
    asks.append(' asks for your passkey', ...(session ? [', to link the session '] : []))
    if (session) make('code', session, asks)
    asks.append('. It can then read and write your messages.')
    make('p', 'Agree only if you started this yourself, just now.', box)
    const state = make('p', '', box)
    state.setAttribute('role', 'status')
    const buttons = make('div', '', box)
    buttons.className = 'buttons'
    const no = make('button', 'Cancel', buttons)
    const yes = make('button', 'Sign', buttons)
    yes.className = 'main'
    no.addEventListener('click', () => line.postMessage({ kind: 'failed', reason: 'It was cancelled.' }))
    yes.addEventListener('click', async () => {
      yes.disabled = true
      state.textContent = 'Follow your browser …'
      try {
        line.postMessage({ kind: 'signed', assertion: await sign(options) })
      } catch (error) {
        yes.disabled = false
        state.textContent = wordsFor(error)
      }
    })
    document.documentElement.append(host)
    yes.focus()
  }

  async function sign(options) {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
    const made = await navigator.credentials.get({ publicKey, signal: AbortSignal.timeout(PATIENCE) })
    return made.toJSON()
  }

  function wordsFor(error) {
    if (error.name === 'NotAllowedError') return 'Nothing was signed: it was cancelled, or there is no passkey for it here. You can try again.'
    if (error.name === 'TimeoutError') return 'It took too long. You can try again, as long as the gateway waits.'
    return `The browser refuses: ${error.name}.`
  }
})()
