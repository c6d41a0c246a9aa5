// npm `tus-js-client`: its own retries take an upload through connections that break, a new object goes on with what
// another began, data goes along with the creation, and an upload that is given up is gone.

import assert from 'node:assert/strict'
import { createReadStream, mkdtempSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as tus from 'tus-js-client'

const { BASE, TOKEN, FILE, KNOWN, CUTS } = process.env
const authorization = { Authorization: `Bearer ${TOKEN}` }
const sent = readFileSync(FILE)
const storage = () => new tus.FileUrlStorage(join(mkdtempSync(join(KNOWN, 'urls-')), 'known.json'))

/** An upload of the file: what is asked and answered, how it ends, and the upload itself, which is not started. */
function prepare(options) {
  const exchanges = []
  let upload
  const ended = new Promise((resolve, reject) => {
    upload = new tus.Upload(createReadStream(FILE), {
      endpoint: `${BASE}/v1/uploads`,
      headers: authorization,
      uploadSize: sent.length,
      chunkSize: sent.length,
      metadata: { filename: 'from tus-js-client.bin', filetype: 'application/octet-stream' },
      retryDelays: [0, 20, 50, 100, 200, 400, 800, 1600],
      urlStorage: storage(),
      onAfterResponse: (request, response) => {
        const offset = response.getHeader('Upload-Offset')
        exchanges.push({ method: request.getMethod(), status: response.getStatus(), offset: offset && Number(offset) })
      },
      onSuccess: ({ lastResponse }) => resolve(lastResponse.getHeader('Content-Location')),
      onError: reject,
      ...options(() => upload),
    })
  })
  return { upload, ended, exchanges }
}

async function isStored(location) {
  const response = await fetch(new URL(location, BASE), { headers: authorization })
  assert.equal(response.status, 200)
  assert.ok(Buffer.from(await response.arrayBuffer()).equals(sent))
}

// Whole in one request, which breaks: after each break it goes on, and never begins anew.
const broken = prepare(() => ({}))
broken.upload.start()
await isStored(await broken.ended)
const heads = broken.exchanges.filter(({ method, status }) => method === 'HEAD' && status === 200)
assert.ok(heads.length >= Number(CUTS), JSON.stringify(broken.exchanges))
assert.ok(heads.every(({ offset }, index) => offset > (heads[index - 1]?.offset ?? 0)), JSON.stringify(heads))
assert.equal(broken.exchanges.filter(({ method }) => method === 'POST').length, 1)

// Stopped after a chunk; another object finds it, goes on, and forgets it when it is done.
const urlStorage = storage()
const chunkSize = 512 * 1024
const stopped = await new Promise((resolve, reject) => {
  const { upload: first, ended } = prepare((self) => ({
    urlStorage,
    chunkSize,
    onChunkComplete: () => self().abort().then(() => resolve(self())),
  }))
  ended.then(() => reject(new Error('not stopped')), reject)
  first.start()
})
const known = await stopped.findPreviousUploads()
assert.equal(known.length, 1)
const resumed = prepare(() => ({ urlStorage, chunkSize, removeFingerprintOnSuccess: true }))
resumed.upload.resumeFromPreviousUpload(known[0])
resumed.upload.start()
await isStored(await resumed.ended)
assert.equal(resumed.exchanges[0].method, 'HEAD')
assert.ok(resumed.exchanges[0].offset >= chunkSize, JSON.stringify(resumed.exchanges))
assert.deepEqual(await stopped.findPreviousUploads(), [])

// All of it with the creation: one request.
const once = prepare(() => ({ uploadDataDuringCreation: true }))
once.upload.start()
await isStored(await once.ended)
assert.deepEqual(once.exchanges, [{ method: 'POST', status: 201, offset: sent.length }])

// Given up: the server knows it no more.
const url = await new Promise((resolve, reject) => {
  const { upload: first, ended } = prepare((self) => ({
    chunkSize,
    onChunkComplete: () => self().abort(true).then(() => resolve(self().url), reject),
  }))
  ended.then(() => reject(new Error('not given up')), reject)
  first.start()
})
const gone = await fetch(url, { method: 'HEAD', headers: { ...authorization, 'Tus-Resumable': '1.0.0' } })
assert.ok([404, 410].includes(gone.status), String(gone.status))
console.log('tus-js-client: ok')
