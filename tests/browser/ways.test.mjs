// The ways on from pages that are in the way, and what a script of ours adds where JavaScript is on.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { axe, browser, demo, fields, gateway, nextCode, sendCode, signIn, submit, totp, until } from './harness.mjs';

let sample;
let gate;
let chromium;
before(async () => {
  sample = await demo();
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
limits: { totp: { tries: 2, refill: 1s } }
apps:
  - host: localhost
    upstream: ${sample.app_url.replace(/\/$/, '')}
    rules: [ { name: all, path: /**, require: two_factor } ]
`, [
    { name: 'ann', password: 'correct horse battery', totp: true },
    { name: 'bob', password: 'another long password' },
  ]);
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); await sample?.stop(); });

const DEEP = '/form?a=1#part';
const open = async (options = {}) => {
  const page = await (await chromium.newContext(options)).newPage();
  await page.goto(gate.url + DEEP);
  return page;
};
const person = (name) => gate.people[name];

test('who must wait, or start again, still gets to the deep link, fragment included', async () => {
  const page = await open({ javaScriptEnabled: false });
  await signIn(page, 'ann', person('ann').password);
  for (let n = 0; n < 4 && await page.locator(fields.code).count(); n += 1) await sendCode(page, '000000');
  assert.match(await page.textContent('main'), /Wait .* then try again/);
  await submit(page, () => page.getByRole('button', { name: 'Try again' }).click());
  assert.equal(await page.locator(fields.code).count(), 1, 'the password need not be given again');
  await page.context().clearCookies();
  await sendCode(page, '000000');
  await submit(page, () => page.getByRole('button', { name: 'Start again' }).click());
  assert.match(page.url(), /\/login\?to=.*#part$/);
  await signIn(page, 'ann', person('ann').password);
  await submit(page, () => page.getByRole('button', { name: 'Use another account' }).click());
  assert.match(page.url(), /\/login\?to=.*#part$/);
  await signIn(page, 'ann', person('ann').password);
  const code = await nextCode(person('ann').totp?.secret ?? person('ann').totp_secret);
  // A code that is not looked at yet, because of the guesses above, is not spent by that.
  await until(async () => {
    if (await page.locator(fields.code).count()) await sendCode(page, code);
    else await submit(page, () => page.getByRole('button', { name: 'Try again' }).click());
    return page.url() === gate.url + DEEP;
  }, () => `stays at ${page.url()}`);
});

test('a form that is too large to be kept is one page back, with what was typed', async () => {
  const page = await open();
  const story = 'a long story '.repeat(30_000);
  await signIn(page, 'ann', person('ann').password);
  await sendCode(page, await nextCode(person('ann').totp?.secret ?? person('ann').totp_secret));
  await page.fill('#subject', story);
  const { value } = (await page.context().cookies()).find((cookie) => cookie.name === '__Host-stepgate');
  await fetch(`${gate.url}/.stepgate/api/v1/logout`, { method: 'POST', headers: { cookie: `__Host-stepgate=${value}`, origin: gate.url } });
  await submit(page, () => page.getByRole('button', { name: 'Send' }).click());
  assert.match(await page.textContent('main'), /Your form was not sent/);
  const [beside] = await Promise.all([page.context().waitForEvent('page'), page.getByRole('link', { name: /Sign in/ }).click()]);
  await beside.waitForLoadState();
  await signIn(beside, 'ann', person('ann').password);
  await sendCode(beside, await nextCode(person('ann').totp?.secret ?? person('ann').totp_secret));
  await page.goBack();
  assert.equal(await page.inputValue('#subject'), story);
  await submit(page, () => page.getByRole('button', { name: 'Send' }).click());
  assert.match(await page.textContent('main'), /The app received[^]*a long story/);
});

test('a password can be looked at, and goes out hidden', async () => {
  const page = await open();
  const problems = [];
  page.on('console', (message) => problems.push(message.text()));
  page.on('pageerror', (error) => problems.push(String(error)));
  await page.reload();
  await page.fill(fields.password, 'hunter2');
  for (const [name, type] of [['Show password', 'text'], ['Hide password', 'password'], ['Show password', 'text']]) {
    await page.getByRole('button', { name }).click();
    assert.equal(await page.getAttribute(fields.password, 'type'), type);
    assert.equal(await page.inputValue(fields.password), 'hunter2');
  }
  assert.deepEqual((await axe(page)).violations, []);
  await page.evaluate(() => document.forms[0].addEventListener('submit', (event) => event.preventDefault()));
  await page.press(fields.password, 'Enter');
  assert.equal(await page.getAttribute(fields.password, 'type'), 'password');
  assert.deepEqual(problems, [], 'the policy of the page lets the script do all it does');
  const plain = await open({ javaScriptEnabled: false });
  assert.equal(await plain.getByRole('button', { name: 'Show password' }).count(), 0, 'no button that does nothing');
});

test('a double click does not lose the backup codes', async () => {
  const page = await open();
  await signIn(page, 'bob', person('bob').password);
  const key = (await page.textContent('.key')).replaceAll(' ', '');
  await page.fill(fields.code, totp(key));
  await page.locator('button[type=submit]').dblclick({ noWaitAfter: true, delay: 20 });
  await page.waitForSelector('.codes');
  await submit(page, () => page.getByRole('button', { name: 'I have saved them' }).click());
  assert.equal(page.url(), gate.url + DEEP);
});
