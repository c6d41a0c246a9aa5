// npm `openid-client`, a certified relying party: discovery, code flow with PKCE, user info, refresh, introspection,
// revocation, client credentials, and a device that waits for somebody to allow it.

import assert from 'node:assert/strict'
import * as client from 'openid-client'
import { signInAndAllow, walk } from './browser.mjs'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, REDIRECT_URI, PERSON, PASSWORD, BOT_CLIENT_ID, BOT_CLIENT_SECRET } = process.env
// The test's server speaks plain HTTP on this machine.
const options = { execute: [client.allowInsecureRequests] }

const config = await client.discovery(new URL(ISSUER), CLIENT_ID, CLIENT_SECRET, undefined, options)
// Checks the ID token's signature too, which the code flow does not ask for.
client.enableNonRepudiationChecks(config)
assert.equal(config.serverMetadata().issuer, ISSUER)
assert.ok(config.serverMetadata().supportsPKCE())

const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedNonce = client.randomNonce()
const expectedState = client.randomState()
const start = client.buildAuthorizationUrl(config, {
  redirect_uri: REDIRECT_URI,
  scope: 'openid profile offline_access chat:read',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  nonce: expectedNonce,
  state: expectedState,
})
const back = await signInAndAllow(start.href, REDIRECT_URI, PERSON, PASSWORD)
const checks = { pkceCodeVerifier, expectedNonce, expectedState, idTokenExpected: true, maxAge: 60 }
const tokens = await client.authorizationCodeGrant(config, back, checks)
const { sub } = tokens.claims()

const info = await client.fetchUserInfo(config, tokens.access_token, sub)
assert.equal(info.preferred_username, PERSON)
const rooms = await client.fetchProtectedResource(config, tokens.access_token, new URL(`${ISSUER}/v1/rooms`), 'GET')
assert.equal(rooms.status, 200)

const fresh = await client.refreshTokenGrant(config, tokens.refresh_token)
assert.notEqual(fresh.refresh_token, tokens.refresh_token)
const known = await client.tokenIntrospection(config, fresh.access_token)
assert.equal(known.active, true)
assert.equal(known.sub, sub)

// The code again: refused, and what it gave is taken back.
await assert.rejects(client.authorizationCodeGrant(config, back, checks), { error: 'invalid_grant' })
assert.equal((await client.tokenIntrospection(config, fresh.access_token)).active, false)
await client.tokenRevocation(config, fresh.refresh_token)

const bot = await client.discovery(new URL(ISSUER), BOT_CLIENT_ID, BOT_CLIENT_SECRET, undefined, options)
const own = await client.clientCredentialsGrant(bot, { scope: 'chat:read' })
assert.equal(own.scope, 'chat:read')
assert.equal(own.refresh_token, undefined)
await assert.rejects(client.clientCredentialsGrant(bot, { scope: 'admin' }), { error: 'invalid_scope' })

const device = await client.initiateDeviceAuthorization(config, { scope: 'chat:read offline_access' })
await walk(device.verification_uri_complete, PERSON, PASSWORD, ({ target, text }) => !target && !text.includes('<form'))
const granted = await client.pollDeviceAuthorizationGrant(config, { ...device, interval: 0 })
assert.equal(granted.scope.split(' ').includes('chat:read'), true)
console.log('openid-client: ok')
