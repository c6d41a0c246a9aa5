// A person at a browser without JavaScript: opens pages, fills forms in, presses buttons.

/** Follows `url` through sign-in and consent; gives the URL that the client is sent back to. */
export const signInAndAllow = (url, redirectUri, username, password) =>
  walk(url, username, password, ({ target }) => target?.startsWith(redirectUri) && new URL(target))

/** Opens pages from `url` on, filling in their forms, until `arrived` gives something for one. */
export async function walk(url, username, password, arrived) {
  const cookies = new Map()
  let request = {}
  for (let step = 0; step < 10; step++) {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, origin: new URL(url).origin }
    const response = await fetch(url, { ...request, redirect: 'manual', headers })
    for (const line of response.headers.getSetCookie()) {
      const [, name, value] = line.match(/^([^=]+)=([^;]*)/)
      cookies.set(name, value)
    }
    const text = await response.text()
    const location = response.headers.get('location')
    const target = location && new URL(location, url).href
    const found = arrived({ target, text })
    if (found) return found
    if (target) {
      ;[url, request] = [target, {}]
      continue
    }
    if (response.status !== 200) throw new Error(`${response.status} ${text}`)
    const { action, fields } = form(text, username, password)
    ;[url, request] = [new URL(action, url).href, { method: 'POST', body: new URLSearchParams(fields) }]
  }
  throw new Error('the pages lead nowhere')
}

/** The page's form as the person sends it: its fields filled in, and the first button, which goes on. */
function form(html, username, password) {
  const [, head, body] = html.match(/<form([^>]*)>([\s\S]*?)<\/form>/)
  const attributes = (tag) => {
    const found = {}
    for (const [, name, value] of tag.matchAll(/([\w-]+)="([^"]*)"/g)) found[name] = unescape(value)
    return found
  }
  const fields = {}
  for (const [tag] of body.matchAll(/<input[^>]*>/g)) {
    const { name, type, value = '' } = attributes(tag)
    if (!name) continue
    fields[name] = type === 'password' ? password : name === 'username' ? username : value
  }
  const { name, value = '' } = attributes(body.match(/<button[^>]*>/)[0])
  if (name) fields[name] = value
  return { action: attributes(head).action ?? '', fields }
}

function unescape(text) {
  return text
    .replaceAll(/&#x([0-9a-f]+);/gi, (_, code) => String.fromCodePoint(parseInt(code, 16)))
    .replaceAll(/&#(\d+);/g, (_, code) => String.fromCodePoint(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&')
}
