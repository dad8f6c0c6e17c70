// A sensitive path asks for a second, fresher factor: root arrives with a password alone and steps up.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, fields, gateway, nextCode, sendCode, signIn, until } from './harness.mjs';

const FRESH = 3; // seconds
let sample;
let gate;
let chromium;
before(async () => {
  sample = await demo();
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
apps:
  - host: localhost
    upstream: ${sample.app_url.replace(/\/$/, '')}
    identity: { headers: { user: Remote-User, groups: Remote-Groups } }
    rules:
      - { name: open, path: /public/**, access: public }
      - name: masters
        path: /admin/**
        allow: { groups: [admins] }
        require: { strength: two_factor, max_age: ${FRESH}s }
        explanation: "Changing master data"
        remediation: "Ask finance-it for the group admins"
      - { name: all, path: /**, require: one_factor }
`, [
    { name: 'root', password: 'correct horse battery', groups: ['admins', 'staff'], totp: true },
    { name: 'ann', password: 'another long password', groups: ['staff'], totp: true },
  ]);
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); await sample?.stop(); });

const secretOf = (name) => gate.people[name].totp_secret ?? gate.people[name].totp?.secret;

test('root needs only a password for the app, steps up for /admin/, and again when the factor is old', async () => {
  const page = await (await chromium.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(`${gate.url}/form`);
  await signIn(page, 'root', gate.people.root.password);
  assert.equal(page.url(), `${gate.url}/form`, 'goes exactly as far as the rule needs');
  const before = (await page.context().cookies()).find((c) => c.name === '__Host-stepgate').value;

  await page.goto(`${gate.url}/admin/users?id=7#row`);
  assert.match(page.url(), /\/\.stepgate\/step-up/);
  const text = await page.textContent('main');
  assert.match(text, /\/admin/);
  assert.match(text, /Changing master data/);
  assert.equal(await page.locator(fields.password).count(), 0, 'asks only for what is missing');
  await sendCode(page, await nextCode(secretOf('root')));
  assert.equal(page.url(), `${gate.url}/admin/users?id=7#row`);
  const after = (await page.context().cookies()).find((c) => c.name === '__Host-stepgate').value;
  assert.notEqual(after, before, 'a stronger session is a new token');
  const old = await fetch(`${gate.url}/form`, { redirect: 'manual', headers: { cookie: `__Host-stepgate=${before}`, accept: 'text/html' } });
  assert.equal(old.status, 401, 'the old token is worth nothing');

  await until(async () => {
    await page.goto(`${gate.url}/admin/`);
    return page.url().includes('/.stepgate/step-up');
  }, () => 'the factor never got old', (FRESH + 5) * 1000);
  await page.goto(`${gate.url}/form`);
  assert.equal(page.url(), `${gate.url}/form`, 'the rest of the app stays open');
});

test('ann is told that /admin/ is not for her, in the words of the operator', async () => {
  const page = await (await chromium.newContext()).newPage();
  await page.goto(`${gate.url}/form`);
  await signIn(page, 'ann', gate.people.ann.password);
  const answer = await page.goto(`${gate.url}/admin/`);
  assert.equal(answer.status(), 403);
  const text = await page.textContent('main');
  for (const word of ['ann', 'Changing master data', 'Ask finance-it for the group admins', 'admins']) assert.ok(text.includes(word), word);
});
