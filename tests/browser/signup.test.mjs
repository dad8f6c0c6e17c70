// An account made for oneself, in the demo, whose letters lie in its outbox: by the link of a letter in this browser and in
// another, with an address or a name that is taken, by invitation. And how its pages look, and those of recovery.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, gateway, run, submit, until } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

const PASSWORD = 'a kettle of seven otters';

let gate;
let chromium;
before(async () => {
  gate = await demo();
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); });

const letters = async (to) => (await (await fetch(gate.outbox_url)).json()).filter((letter) => letter.to === to);

/** What `pattern` finds in the newest letter to somebody. */
async function find(to, pattern) {
  let found;
  await until(async () => {
    found = (await letters(to)).map((letter) => letter.text.match(pattern)?.at(-1)).filter(Boolean).at(-1);
    return found;
  }, () => `no letter to ${to} has ${pattern}`);
  return found;
}
const link = (to, page) => find(to, new RegExp(`(http\\S*/\\.stepgate/${page}\\?token=\\S+)`));
const press = (page, name) => submit(page, () => page.getByRole('button', { name }).click());
const main = (page) => page.textContent('main');
const open = async (javaScriptEnabled) => (await chromium.newContext({ javaScriptEnabled })).newPage();

/** Whether somebody can sign in by the password of their sign-up. */
async function exists(username) {
  const body = JSON.stringify({ username, password: PASSWORD, strength: 'one_factor' });
  const headers = { 'content-type': 'application/json' };
  return (await fetch(`${gate.url}/.stepgate/api/v1/login`, { method: 'POST', headers, body })).status === 200;
}

async function begin(page, email, username = '') {
  await page.goto(`${gate.url}/.stepgate/signup`);
  await page.fill('#email', email);
  await page.fill('#username', username);
  await page.fill('#password', PASSWORD);
  await press(page, 'Send the letter');
}

test('by the link: one button in the browser that began, the password in another', async () => {
  for (const [name, elsewhere] of [['uma', false], ['vic', true]]) {
    const page = await open(false);
    await begin(page, `${name}@example.com`, name);
    const reader = elsewhere ? await open(false) : page;
    await reader.goto(await link(`${name}@example.com`, 'signup'));
    await reader.reload();
    assert.equal(await reader.locator('#password').count(), elsewhere ? 1 : 0);
    if (elsewhere) {
      await reader.fill('#password', 'another one for tests');
      await press(reader, 'Make the account');
      assert.match(await main(reader), /not the password of the sign-up/);
      await reader.fill('#password', PASSWORD);
    }
    assert.equal(await exists(name), false, 'the letter alone makes nothing');
    await press(reader, 'Make the account');
    assert.equal(await exists(name), true);
    await page.context().close();
    if (elsewhere) await reader.context().close();
  }
});

test('a taken address is told of by mail alone, a taken name once the address was reached', async () => {
  const page = await open(false);
  await begin(page, gate.user('bob').email);
  const [text] = [(await main(page)).replaceAll(gate.user('bob').email, 'X')];
  await find(gate.user('bob').email, /which has one (already)/);
  await begin(page, 'wim@example.com', 'bob');
  assert.equal((await main(page)).replaceAll('wim@example.com', 'X'), text, 'nothing tells them apart');
  await page.fill('#code', await find('wim@example.com', /\b(\d{6})\b/));
  await press(page, 'Make the account');
  assert.match(await main(page), /Somebody has this user name/);
  await page.fill('#username', 'wim');
  await press(page, 'Make the account');
  assert.equal(await exists('wim'), true);
  await page.context().close();
});

test('by invitation', async () => {
  const own = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db", password: { memory: 8MiB, iterations: 1 } }
portal: { name: "Example Ltd" }
apps: [ { host: localhost, upstream: "http://127.0.0.1:9", rules: [ { name: light, path: /**, require: one_factor } ] } ]
`, []);
  const { url } = JSON.parse(run(['user', 'invite', 'zoe@example.com', '-c', own.file, '--json'], { stdio: ['ignore', 'pipe', 'ignore'] }));
  const page = await open(true);
  await page.goto(`${own.url}${new URL(url).pathname}${new URL(url).search}`);
  await inspectAll(page, 'sign-up-invitation');
  await page.fill('#username', 'zoe');
  await page.fill('#password', PASSWORD);
  await press(page, 'Make the account');
  await page.goto(`${own.url}/.stepgate/account`);
  assert.match(await main(page), /Signed in as zoe/);
  await page.goto(url.replace(new URL(url).origin, own.url));
  assert.match(await main(page), /over|used already/);
  await Promise.all([page.context().close(), own.stop()]);
});

test('how the pages look', async () => {
  const page = await open(true);
  await begin(page, 'nowhere');
  await inspectAll(page, 'sign-up-wrong');
  await begin(page, 'yan@example.com', 'yan');
  await page.fill('#code', '000000');
  await press(page, 'Make the account');
  await inspectAll(page, 'sign-up-code-wrong');
  const other = await open(true);
  await other.goto(await link('yan@example.com', 'signup'));
  await inspectAll(other, 'sign-up-link');
  await page.goto(`${gate.url}/.stepgate/recover`);
  await inspectAll(page, 'recover');
  await page.fill('#username', 'ann');
  await press(page, 'Send me a code');
  await inspectAll(page, 'recover-sent');
  await page.goto(await link(gate.user('ann').email, 'recover'));
  await press(page, 'Continue');
  await page.fill('#code', 'wrong');
  await submit(page, () => page.press('#code', 'Enter'));
  await page.locator('summary').click();
  await inspectAll(page, 'recover-second-wrong');
  await Promise.all([page.context().close(), other.context().close()]);
});
