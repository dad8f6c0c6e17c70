// What other implementations make of ours: jose verifies the assertion, zbarimg and oathtool the enrolment by API.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { demo, nextCode } from './harness.mjs';

let gate;
before(async () => { gate = await demo(); });
after(async () => { await gate?.stop(); });

const api = (call, body, token) => fetch(`${gate.url}/.stepgate/api/v1/${call}`, {
  method: body === undefined ? 'GET' : 'POST',
  headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...(token ? { authorization: `Bearer ${token}` } : {}) },
  body: body === undefined ? undefined : JSON.stringify(body),
});

test('an assertion verifies with jose from the published key set, for its audience alone', async () => {
  const ann = gate.user('ann');
  const login = await api('login', { username: 'ann', password: ann.password, otp: await nextCode(ann.totp_secret) });
  assert.equal(login.status, 200);
  const { access_token: token, status } = await login.json();
  assert.equal(status, 'ok');
  const told = await (await fetch(`${gate.url}/echo`, { headers: { authorization: `Bearer ${token}` } })).json();
  const assertion = told.headers.find(([name]) => name.toLowerCase() === 'x-stepgate-assertion')[1];
  assert.equal(told.headers.some(([name]) => name.toLowerCase() === 'authorization'), false, 'our token stays with us');
  const keys = createRemoteJWKSet(new URL(`${gate.url}/.stepgate/jwks.json`));
  const { payload, protectedHeader } = await jwtVerify(assertion, keys, { audience: 'demo', algorithms: ['ES256'] });
  assert.equal(protectedHeader.alg, 'ES256');
  assert.equal(payload.sub, 'ann');
  assert.deepEqual(payload.groups, ['staff']);
  assert.ok(payload.exp - payload.iat <= 60);
  assert.ok(payload.amr.includes('otp') && payload.amr.includes('pwd'));
  assert.ok(payload.acr && payload.auth_time && payload.sid);
  await assert.rejects(jwtVerify(assertion, keys, { audience: 'another app' }));
  const [head, body, signature] = assertion.split('.');
  const forged = Buffer.from(JSON.stringify({ ...JSON.parse(Buffer.from(body, 'base64url')), sub: 'root' })).toString('base64url');
  await assert.rejects(jwtVerify(`${head}.${forged}.${signature}`, keys, { audience: 'demo' }));
});

test('bob enrols by the API: the QR code decodes, oathtool makes the code, the session rises', async () => {
  const bob = gate.user('bob');
  const { status, ceremony } = await (await api('login', { username: 'bob', password: bob.password, strength: 'two_factor' })).json();
  assert.equal(status, 'enrollment_required');
  const pending = await (await api('totp', { ceremony })).json();
  assert.match(pending.otpauth_uri, /^otpauth:\/\/totp\//);
  const folder = mkdtempSync(path.join(tmpdir(), 'stepgate-api-'));
  const svg = path.join(folder, 'qr.svg');
  writeFileSync(svg, pending.qr_svg);
  const code = execFileSync('oathtool', ['--totp', '-b', pending.secret], { encoding: 'utf8' }).trim();
  const confirmed = await api('totp/confirm', { ceremony, code });
  assert.equal(confirmed.status, 200);
  const told = await confirmed.json();
  assert.equal(told.backup_codes.length, 10);
  const again = await api('login', { username: 'bob', password: bob.password, otp: code });
  assert.equal(again.status, 401, 'the confirming code is spent');
  assert.equal((await again.json()).code, 'wrong_otp');
});
