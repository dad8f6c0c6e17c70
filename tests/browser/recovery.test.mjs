// Getting back in, in the demo, whose letters lie in its outbox: by a backup code, and by waiting; with JavaScript and without.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, submit, totp, until } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

let gate;
let chromium;
before(async () => {
  gate = await demo();
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); });

const outbox = async () => (await fetch(gate.outbox_url)).json();

/** The address in the newest letter whose text has `mark`, after the first `seen`. */
async function link(mark, seen) {
  let found;
  await until(async () => {
    found = (await outbox()).slice(seen).map((l) => l.text.match(new RegExp(`http\\S*/\\.stepgate/${mark}\\?token=\\S+`))?.[0]).filter(Boolean).at(-1);
    return found;
  }, () => `no letter leads to ${mark}`);
  return found;
}

/** Asks for a letter from the sign-in page, and opens its link. */
async function begin(page, name) {
  const seen = (await outbox()).length;
  await page.goto(`${gate.url}/.stepgate/login`);
  await page.locator('summary', { hasText: 'I cannot sign in' }).click();
  await page.locator('a[href="/.stepgate/recover"]').click();
  await page.fill('#username', name);
  await submit(page, () => page.getByRole('button', { name: 'Send me a code' }).click());
  assert.match(await page.textContent('main'), /If there is an account of that name/);
  await page.goto(await link('recover', seen));
  await submit(page, () => page.getByRole('button', { name: 'Continue' }).click());
}

async function call(path, body, token) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) };
  return (await fetch(`${gate.url}/.stepgate/api/v1/${path}`, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}

test('a backup code sets a password, a new app and new codes, without JavaScript', async () => {
  const ann = gate.user('ann');
  const { access_token } = await call('login', { username: 'ann', password: ann.password, otp: totp(ann.totp_secret) });
  const { backup_codes } = await call('backup-codes', {}, access_token);
  const context = await chromium.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await begin(page, 'ann');
  await page.fill('#code', backup_codes[0]);
  await submit(page, () => page.getByRole('button', { name: 'Continue' }).first().click());
  const secret = (await page.locator('code.key').textContent()).replaceAll(/\s/g, '');
  await page.fill('#password', 'another one for tests');
  await page.fill('input[name=totp_code]', totp(secret));
  await submit(page, () => page.getByRole('button', { name: 'Save' }).click());
  assert.equal((await page.locator('pre.codes').textContent()).trim().split(/\s+/).length, 10);
  const old = await call('login', { username: 'ann', password: ann.password });
  assert.equal(old.code, 'wrong_credentials');
  const opened = await call('login', { username: 'ann', password: 'another one for tests', otp: totp(secret, Date.now() + 30_000) });
  assert.equal(opened.status, 'ok');
  await context.close();
});

test('who has no second proof waits, is told, and may be stopped', async () => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  const seen = (await outbox()).length;
  await begin(page, 'bob');
  assert.match(await page.textContent('main'), /You can go on at/);
  await inspectAll(page, 'recover-waits');
  await page.goto(await link('recover-stop', seen));
  await inspectAll(page, 'recover-stop');
  await submit(page, () => page.getByRole('button', { name: 'This was not me' }).click());
  assert.match(await page.textContent('main'), /It has ended/);
  await begin(page, 'bob');
  assert.match(await page.textContent('main'), /You can go on at/);
  // The page says when: it is asked for until then.
  await until(async () => {
    await page.reload();
    return page.locator('#password').count();
  }, () => 'it never goes on');
  await inspectAll(page, 'recover-reset');
  await page.fill('#password', 'another one for tests');
  await submit(page, () => page.getByRole('button', { name: 'Save' }).click());
  assert.match(await page.textContent('main'), /Sign in again/);
  const opened = await call('login', { username: 'bob', password: 'another one for tests' });
  assert.equal(opened.status, 'ok');
  await context.close();
});
