// Chromium, on a page of another site than the server's: it shows a thumbnail by a link that needs no token, and runs
// nothing of the files that strangers uploaded.

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { chromium } from 'playwright-core'

const { BASE, TOKEN, CHROMIUM } = process.env
const bearer = { authorization: `Bearer ${TOKEN}` }

// The page. It demands of everything it embeds to say that it may be: without `Cross-Origin-Resource-Policy:
// cross-origin` this browser shows nothing of another site on it.
const ran = []
const controls = new Map()
const pages = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost')
  if (pathname.startsWith('/ran/')) ran.push(pathname.slice('/ran/'.length))
  const { type, body } = controls.get(pathname) ?? { type: 'text/html', body: '<!doctype html><body>' }
  const embedding = { 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-resource-policy': 'cross-origin' }
  response.writeHead(200, { 'content-type': type, ...embedding }).end(body)
})
await once(pages.listen(0, '127.0.0.1'), 'listening')
// Another site than 127.0.0.1, and yet this machine.
const SITE = `http://localhost:${pages.address().port}`

const quiet = ['gpu', 'quic', 'background-networking', 'component-update', 'sync', 'extensions']
const browser = await chromium.launch({
  executablePath: CHROMIUM,
  chromiumSandbox: false,
  args: ['--no-first-run', ...quiet.map((part) => `--disable-${part}`)],
})

async function upload(query, type, body) {
  const headers = { ...bearer, 'content-type': type }
  const response = await fetch(`${BASE}/v1/media${query}`, { method: 'POST', headers, body })
  const file = await response.json()
  assert.equal(response.status, 201, JSON.stringify(file))
  return file
}

/** The file's own URL, and its thumbnail's if it has one, good without a token. */
async function sign({ media_id: id }) {
  const headers = { ...bearer, 'content-type': 'application/json' }
  const body = JSON.stringify({ ids: [id] })
  const response = await fetch(`${BASE}/v1/media/sign`, { method: 'POST', headers, body })
  const { items } = await response.json()
  const [{ url, thumbnail_url: thumbnail }] = items
  const sized = thumbnail && new URL(thumbnail, BASE)
  sized?.searchParams.set('w', 320)
  sized?.searchParams.set('h', 240)
  return { url: new URL(url, BASE).href, thumbnail: sized?.href }
}

const page = await browser.newPage()
await page.goto(SITE)

/** A picture of 640 by 480 pixels, red on the left; on the right blue, or nothing. */
const draw = async (type, right) => {
  const url = await page.evaluate(
    ([type, right]) => {
      const canvas = document.createElement('canvas')
      canvas.width = 640
      canvas.height = 480
      const context = canvas.getContext('2d')
      context.fillStyle = 'rgb(220 20 20)'
      context.fillRect(0, 0, 320, 480)
      context.fillStyle = right
      context.fillRect(320, 0, 320, 480)
      return canvas.toDataURL(type)
    },
    [type, right],
  )
  return Buffer.from(url.split(',')[1], 'base64')
}

/** Embeds the picture; gives its size and the type that the server gave it, or nothing when it is not shown. */
async function show(url) {
  let type
  page.once('response', (response) => (type = response.headers()['content-type']))
  const size = await page.evaluate(async (url) => {
    const picture = new Image()
    picture.style = 'display: block; background: white'
    picture.src = url
    document.body.replaceChildren(picture)
    const shown = await picture.decode().then(
      () => true,
      () => false,
    )
    return shown && [picture.naturalWidth, picture.naturalHeight]
  }, url)
  return size && { size, type }
}

/** The colours on the screen, a quarter into the picture from the left and from the right. */
async function colours() {
  const png = (await page.locator('img').screenshot()).toString('base64')
  return page.evaluate(async (png) => {
    const picture = new Image()
    picture.src = `data:image/png;base64,${png}`
    await picture.decode()
    const canvas = document.createElement('canvas')
    canvas.width = picture.width
    canvas.height = picture.height
    const context = canvas.getContext('2d')
    context.drawImage(picture, 0, 0)
    const at = (x) => [...context.getImageData(x, picture.height / 2, 1, 1).data.slice(0, 3)]
    return [at(picture.width / 4), at((picture.width * 3) / 4)]
  }, png)
}

const near = (colour, expected) => colour.every((channel, index) => Math.abs(channel - expected[index]) < 25)

const pictures = [
  ['image/png', 'rgb(20 20 220)', 'image/jpeg', [20, 20, 220]],
  ['image/png', 'transparent', 'image/webp', [255, 255, 255]],
  ['image/webp', 'rgb(20 20 220)', 'image/jpeg', [20, 20, 220]],
]
for (const [type, drawn, shownAs, right] of pictures) {
  const file = await upload('', type, await draw(type, drawn))
  assert.deepEqual([file.mime, file.width, file.height], [type, 640, 480])
  const links = await sign(file)
  assert.deepEqual(await show(links.thumbnail), { size: [320, 240], type: shownAs })
  const seen = await colours()
  assert.ok(near(seen[0], [220, 20, 20]) && near(seen[1], right), JSON.stringify(seen))
  assert.deepEqual(await show(links.url), { size: [640, 480], type })
  // Without the link's signature there is nothing to see.
  assert.equal(await show(new URL(file.url, BASE).href), false)
}
const open = await upload('?public=true', 'image/jpeg', await draw('image/jpeg', 'rgb(20 20 220)'))
assert.deepEqual(await show(new URL(open.url, BASE).href), { size: [640, 480], type: 'image/jpeg' })

// Files that would run something: whoever opens them tells `ran`.
const tell = (name) => `new Image().src = '${SITE}/ran/${name}'; document.documentElement.id = 'ran'`
const html = (name) => `<!doctype html><title>inert</title><script>${tell(name)}</script><img src=x onerror="${tell(name)}">`
const svg = (name) => `<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>${tell(name)}</script></svg>`
const hostile = [
  ['page.html', 'text/html', html],
  ['drawing.svg', 'image/svg+xml', svg],
  ['page.xhtml', 'application/xhtml+xml', (name) => `<html xmlns="http://www.w3.org/1999/xhtml"><script>${tell(name)}</script></html>`],
  ['page.png', 'image/png', html],
  ['page.bin', 'application/octet-stream', html],
]

/** Opens the URL in a tab of its own; gives whether a script ran in it. A download is no page. */
async function opened(url) {
  const tab = await browser.newPage()
  try {
    await tab.goto(url)
    return await tab.evaluate(() => document.documentElement.id === 'ran')
  } catch (error) {
    if (/Download is starting|ERR_ABORTED/.test(error.message)) return false
    throw error
  } finally {
    await tab.close()
  }
}

/** Embeds the URL in the page as this element, and waits until it came or was refused. */
async function embedded(tag, attribute, url) {
  const came = page.waitForEvent('requestfinished', (request) => request.url() === url)
  const refused = page.waitForEvent('requestfailed', (request) => request.url() === url)
  await page.evaluate(
    ([tag, attribute, url]) => {
      const element = document.createElement(tag)
      element.setAttribute(attribute, url)
      document.body.append(element)
    },
    [tag, attribute, url],
  )
  await Promise.any([came, refused])
}

const told = async (name) => {
  while (!ran.includes(name)) await new Promise((resolve) => pages.once('request', () => setImmediate(resolve)))
}

for (const [name, type, make] of hostile) {
  const file = await upload(`?filename=${name}`, type, make(name))
  const { url } = await sign(file)
  assert.equal(await opened(url), false, name)
  await embedded('iframe', 'src', url)
  await embedded('object', 'data', url)
  await embedded('embed', 'src', url)
}
const script = await upload('?filename=code.js', 'text/javascript', tell('code.js'))
await embedded('script', 'src', (await sign(script)).url)

// The same files do run where they are served as what they claim to be: what was seen above could have been seen.
controls.set('/page.html', { type: 'text/html', body: html('control.html') })
controls.set('/drawing.svg', { type: 'image/svg+xml', body: svg('control.svg') })
controls.set('/code.js', { type: 'text/javascript', body: tell('control.js') })
assert.equal(await opened(`${SITE}/page.html`), true)
assert.equal(await opened(`${SITE}/drawing.svg`), true)
await embedded('script', 'src', `${SITE}/code.js`)
for (const name of ['control.html', 'control.svg', 'control.js']) await told(name)
assert.deepEqual(ran.filter((name) => !name.startsWith('control.')), [])

await browser.close()
pages.close()
console.log('chromium: ok')
