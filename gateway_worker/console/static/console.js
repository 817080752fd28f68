/* What htmx does not do: clocks, copying, the way to the passkey extension. No framework, no build step. */
'use strict'
;(() => {
  const short = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' })
  const long = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })
  const DAY = 24 * 3600 * 1000
  const GOES_AFTER = 6000
  const NEAR = 160 // pixels from the end of a chat that count as its end

  const localize = (root) => {
    for (const time of root.querySelectorAll('time[datetime]:not([data-local])')) {
      const moment = new Date(time.dateTime)
      time.textContent = (Math.abs(Date.now() - moment) < DAY ? short : long).format(moment)
      time.title = moment.toString()
      time.dataset.local = ''
    }
  }

  const count = () => {
    for (const clock of document.querySelectorAll('[data-until]')) {
      const left = Math.max(0, Math.round((new Date(clock.dataset.until) - Date.now()) / 1000))
      if (!Number.isNaN(left)) clock.textContent = left < 100 ? `${left} s` : `${Math.round(left / 60)} min`
    }
  }

  const clear = (root) => {
    const shelf = document.getElementById('notices')
    if (shelf?.querySelector('[data-goes]:not([data-going])')) {
      if (shelf.matches(':popover-open')) shelf.hidePopover() // above a dialog that was opened since
      shelf.showPopover()
    }
    for (const notice of root.querySelectorAll('[data-goes]:not([data-going])')) {
      notice.dataset.going = ''
      setTimeout(() => notice.remove(), GOES_AFTER)
    }
  }

  const trim = () => {
    for (const list of document.querySelectorAll('[data-most]')) {
      while (list.children.length > Number(list.dataset.most)) list.lastElementChild.remove()
    }
  }

  const messages = document.getElementById('messages')
  let atEnd = true
  const toEnd = () => messages && (messages.scrollTop = messages.scrollHeight)
  messages?.addEventListener('scroll', () => {
    atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < NEAR
  })

  const tidy = () => {
    localize(document)
    count()
    clear(document)
    trim()
    offer()
    if (atEnd) toEnd()
    for (const list of document.querySelectorAll('.pocket-messages')) list.scrollTop = list.scrollHeight
  }

  // the extension says in the page that it is there (deploy/passkey-extension)
  const offer = () => {
    const there = 'gatewayPasskey' in document.documentElement.dataset
    const box = document.querySelector('.with-extension')
    if (!there || !box || !box.hidden) return
    box.hidden = false
    document.querySelector('.without-extension').open = false
  }

  let asked = null
  const sign = () => {
    const place = document.getElementById('passkey')
    asked = crypto.randomUUID()
    say('Waiting for the tab of web.whatsapp.com …')
    const options = JSON.parse(place.dataset.options)
    window.postMessage({ gatewayPasskey: 'sign', id: asked, session: place.dataset.session, options }, location.origin)
  }
  const say = (text) => {
    const line = document.getElementById('sign-state')
    if (line) line.textContent = text
  }
  window.addEventListener('message', (event) => {
    if (event.source !== window || event.origin !== location.origin) return
    const told = event.data
    if (told?.gatewayPasskey === 'here') offer()
    if (told?.id !== asked || asked === null) return
    if (told.gatewayPasskey === 'failed') say(String(told.reason))
    if (told.gatewayPasskey === 'signed') {
      asked = null
      const form = document.getElementById('hand-in')
      if (!form) return
      say('Signed. Handing it in …')
      form.elements.assertion.value = JSON.stringify(told.assertion)
      form.requestSubmit()
    }
  })

  const copy = async (button) => {
    await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent)
    button.textContent = 'Copied'
    setTimeout(() => (button.textContent = 'Copy'), 1500)
  }

  document.addEventListener('click', (event) => {
    const button = event.target.closest('button')
    if (button?.dataset.copy) copy(button)
    if (button?.id === 'sign') sign()
    for (const menu of document.querySelectorAll('details.menu[open], details.attach[open]')) {
      if (!menu.contains(event.target) || event.target.closest('.menu .sheet')) menu.open = false
    }
  })
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing || !event.target.matches('[data-sends]')) return
    event.preventDefault()
    event.target.form.requestSubmit()
  })

  // what was sent is cleared when it was taken, and nothing that was typed since
  const sent = new WeakMap()
  const parts = (form) => [...form.elements].filter((each) => each.matches('textarea, input:not([type=hidden])'))
  const held = (each) => (each.type === 'file' ? each.files[0] : each.value)
  document.addEventListener('htmx:config:request', (event) => {
    const form = event.detail.ctx.sourceElement
    if (form.hasAttribute?.('data-clears')) sent.set(form, parts(form).map((each) => [each, held(each)]))
  })

  // a simulated phone acts on the session that the page shows
  document.addEventListener('htmx:config:request', (event) => {
    const ctx = event.detail.ctx
    if (!ctx.sourceElement.hasAttribute?.('data-with-session')) return
    const session = document.querySelector('[data-session]')?.dataset.session ?? ''
    ctx.request.body.set('session', session)
  })
  document.addEventListener('htmx:after:request', (event) => {
    const { sourceElement: form, response, hx } = event.detail.ctx
    if (!response?.raw.ok || hx?.retarget || !sent.has(form)) return // a refusal is told elsewhere
    for (const [field, before] of sent.get(form)) if (held(field) === before) field.value = ''
    sent.delete(form)
    atEnd = true
  })
  let isDue = false // many swaps in one frame are tidied once
  document.addEventListener('htmx:after:swap', () => {
    if (isDue) return
    isDue = true
    requestAnimationFrame(() => {
      isDue = false
      tidy()
    })
  })
  document.addEventListener('DOMContentLoaded', tidy)
  tidy()
  count()
  setInterval(count, 1000)
  messages?.querySelectorAll('img, video').forEach((each) => each.addEventListener('load', () => atEnd && toEnd()))
})()
