// npm `jose`: its remote JWK Set verifies access tokens, also after the keys have been rotated.

import assert from 'node:assert/strict'
import { createRemoteJWKSet, errors, jwtVerify } from 'jose'

const { ISSUER, PERSON, PASSWORD, ADMIN_TOKEN } = process.env

const metadata = await (await fetch(`${ISSUER}/.well-known/oauth-authorization-server`)).json()
const keys = createRemoteJWKSet(new URL(metadata.jwks_uri), { cooldownDuration: 0 })
const verify = (token) => jwtVerify(token, keys, { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt' })

const first = await signIn()
const { payload, protectedHeader } = await verify(first)
assert.match(payload.sub, /^user_/)
assert.equal(payload.name, PERSON)

const rotated = await fetch(`${ISSUER}/v1/admin/keys/rotate`, {
  method: 'POST',
  body: JSON.stringify({ reason: 'a test of rotation', now: true }),
  headers: { authorization: `Bearer ${ADMIN_TOKEN}` },
})
assert.ok(rotated.ok, await rotated.text())
const second = await verify(await signIn())
assert.notEqual(second.protectedHeader.kid, protectedHeader.kid)
assert.equal((await verify(first)).protectedHeader.kid, protectedHeader.kid)

const [header, claims, signature] = first.split('.')
const none = Buffer.from(JSON.stringify({ ...protectedHeader, alg: 'none' })).toString('base64url')
await assert.rejects(verify(`${header}.${claims}.${'A'.repeat(signature.length)}`), errors.JWSSignatureVerificationFailed)
await assert.rejects(verify(`${none}.${claims}.`))
console.log('jose: ok')

async function signIn() {
  const body = JSON.stringify({ username: PERSON, password: PASSWORD })
  const response = await fetch(`${ISSUER}/v1/auth/login`, { method: 'POST', body })
  assert.equal(response.status, 200)
  return (await response.json()).access_token
}
