// The pages with the accent colour of the commented example, in light and dark; and what people do there that other tests
// do not: backup codes made anew, copied and printed, a session that ended, a frame, signing out everywhere.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, demo, gateway, nextCode, sendCode, signIn, submit } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

const example = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), '../../config/example.yaml'), 'utf8');
const ACCENT = example.match(/^ {2}accent: "(#[0-9a-f]{6})"/m)[1];

let sample;
let gate;
let chromium;
before(async () => {
  sample = await demo();
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db", password: { memory: 8MiB, iterations: 1 } }
portal: { name: "Example Ltd", accent: "${ACCENT}", support: "it-help@example.com" }
session: { idle: 20s, absolute: 12h }
apps:
  - host: localhost
    upstream: ${sample.app_url.replace(/\/$/, '')}
    rules:
      - { name: masters, path: /form, require: { strength: two_factor, max_age: 1s }, explanation: "Changing master data" }
      - { name: finance, path: /admin/**, allow: { groups: [finance] }, require: one_factor, remediation: "Ask finance-it for the group finance" }
      - { name: closed, path: /events/**, access: deny }
      - { name: strong, path: /deep/**, require: two_factor }
      - { name: light, path: /**, require: one_factor }
`, ['ann', 'eve', 'kim', 'max'].map((name) => ({ name, password: `${name} and a long password`, totp: name !== 'kim' })));
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); await sample?.stop(); });

const secret = (name) => gate.people[name].totp_secret ?? gate.people[name].totp?.secret;
async function enter(page, name, to = '/public/') {
  await page.goto(gate.url + to);
  await signIn(page, name, gate.people[name].password);
  if (page.url().includes('/second-factor')) await sendCode(page, await nextCode(secret(name)));
  return page;
}

/** A test of one page: `visit` brings a fresh page there. JavaScript is on for axe-core alone. */
function look(name, says, visit) {
  test(name, async () => {
    const context = await chromium.newContext({ permissions: ['clipboard-read', 'clipboard-write'] });
    const page = await visit(await context.newPage()) ?? context.pages().at(-1);
    assert.match(await page.textContent('main'), says);
    await inspectAll(page, `accent-${name}`);
    await context.close();
  });
}

look('login', /I cannot sign in/, async (page) => {
  await page.goto(`${gate.url}/deep/${'a-long-folder/'.repeat(12)}page?x=1`);
  assert.match(await page.textContent('.place'), /…/);
  await page.click('summary');
});
look('login-error', /There is a problem/, async (page) => { await page.goto(gate.url); await signIn(page, 'ann', 'wrong'); });
look('second-factor', /Your password is one step/, async (page) => {
  await page.goto(`${gate.url}/deep/`);
  await signIn(page, 'ann', gate.people.ann.password);
});
look('step-up', /Confirm it is you: Changing master data/, async (page) => { await enter(page, 'ann'); await page.goto(`${gate.url}/form?id=7`); });
look('account', /Signed in as ann/, async (page) => { await enter(page, 'ann'); await page.goto(`${gate.url}/.stepgate/account`); });
look('denied', /It is open to the group finance/, async (page) => {
  await enter(page, 'ann');
  await page.goto(`${gate.url}/admin/`);
  assert.match(await page.textContent('ul'), /Ask finance-it for the group finance/);
  assert.match(await page.getByRole('link', { name: 'Ask for access' }).getAttribute('href'), /^mailto:it-help@example\.com\?subject=.*Reference/);
});
look('closed', /It is closed to everybody/, async (page) => { await enter(page, 'ann'); await page.goto(`${gate.url}/events/`); });
look('enroll', /Set up your authenticator app/, async (page) => { await enter(page, 'kim'); await page.goto(`${gate.url}/.stepgate/account`); await page.getByRole('link', { name: /Set up/ }).click(); });
look('wait', /What you can do meanwhile/, async (page) => {
  await page.goto(gate.url);
  for (let i = 0; i < 30 && !(await page.textContent('main')).includes('Wait before'); i += 1) await signIn(page, 'max', `wrong ${i}`);
});
look('ended', /You were signed out/, async (page) => {
  await enter(page, 'ann');
  await page.waitForTimeout(21_000);
  await page.goto(`${gate.url}/public/`);
});
look('everywhere', /2 sessions ended: this one and 1 other/, async (page) => {
  await (await enter(await (await chromium.newContext()).newPage(), 'eve')).context().close();
  await enter(page, 'eve');
  await page.goto(`${gate.url}/.stepgate/account`);
  await submit(page, () => page.getByRole('button', { name: 'Sign out everywhere' }).click());
});
look('codes-anew', /The ones you had before no longer work/, async (page) => {
  await enter(page, 'eve', '/deep/');
  await page.goto(`${gate.url}/.stepgate/account`);
  await page.getByRole('link', { name: 'Make new backup codes' }).click();
  assert.match(await page.textContent('main'), /You have no backup codes left/);
  await inspectAll(page, 'accent-renew');
  await submit(page, () => page.getByRole('button', { name: 'Make new codes' }).click());
  const codes = (await page.textContent('.codes')).trim();
  assert.equal(codes.split(/\s+/).length, 10);
  await page.getByRole('button', { name: 'Copy the codes' }).click();
  await page.getByRole('button', { name: 'Copied' }).waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), codes);
  await downloaded(page, codes);
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('button:visible, footer:visible').count(), 0, 'nothing but the codes is printed');
  assert.ok(await page.locator('.codes:visible').count());
  await page.emulateMedia({ media: null });
});

test('backup codes are made without JavaScript too', async () => {
  const context = await chromium.newContext({ javaScriptEnabled: false });
  const page = await enter(await context.newPage(), 'max', '/deep/').catch(() => null);
  if (page === null) return assert.fail('no sign-in');
  await page.goto(`${gate.url}/.stepgate/backup-codes`);
  await submit(page, () => page.getByRole('button', { name: 'Make new codes' }).click());
  assert.equal(await page.getByRole('button', { name: 'Copy the codes' }).count(), 0);
  const codes = (await page.textContent('.codes')).trim();
  assert.equal(codes.split(/\s+/).length, 10);
  await downloaded(page, codes);
  await context.close();
});

/** The button gives these codes as a file, and the page stays. */
async function downloaded(page, codes) {
  const [file] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download the codes' }).click()]);
  assert.equal(file.suggestedFilename(), 'backup-codes.txt');
  const text = readFileSync(await file.path(), 'utf8');
  assert.deepEqual(text.trim().split(/\r\n/).slice(2), codes.split(/\s+/));
  assert.ok(await page.locator('.codes').count());
}

test('a sign-in begun in a frame returns to the page around it', async () => {
  const context = await chromium.newContext();
  const page = await enter(await context.newPage(), 'ann');
  await page.route('**/around*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>An old app</title><h1>Around</h1><iframe src="/deep/part?row=7"></iframe>' }));
  await page.goto(`${gate.url}/around?x=1`);
  const frame = page.frameLocator('iframe');
  await frame.getByRole('link', { name: 'Confirm it is you' }).click();
  await page.waitForURL(/step-up/);
  assert.match(await page.textContent('.place'), /\/around$/);
  await sendCode(page, await nextCode(secret('ann')));
  assert.equal(page.url(), `${gate.url}/around?x=1`);
  assert.equal(await frame.getByRole('link', { name: 'Confirm it is you' }).count(), 0);
  await context.close();
});

test('five tabs of one page: who signs in in one of them can load all the others again', async () => {
  const context = await chromium.newContext({ javaScriptEnabled: false });
  const tabs = [];
  for (let i = 0; i < 5; i += 1) {
    const tab = await context.newPage();
    await tab.goto(`${gate.url}/public/echo?tab#row`);
    tabs.push(tab);
  }
  await signIn(tabs[4], 'kim', gate.people.kim.password);
  for (const tab of [...tabs, ...tabs]) {
    const answer = await tab.reload();
    assert.equal(answer.status(), 200);
    assert.equal(tab.url(), `${gate.url}/public/echo?tab#row`);
  }
  await context.close();
});
