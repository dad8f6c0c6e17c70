// Links in letters, in the demo: a sign-in that begins by one, in the browser that asked and in another; and an account that its
// owner deletes. With JavaScript and without.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, nextCode, sendCode, signIn, submit, until } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

let gate;
let chromium;
before(async () => {
  gate = await demo();
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); });

const letters = async () => (await fetch(gate.outbox_url)).json();

/** The link of the next letter to somebody, after `count` of them. */
async function link(to, count) {
  let found;
  await until(async () => {
    found = (await letters()).filter((l) => l.to === to)[count];
    return found;
  }, () => `nothing was sent to ${to}`);
  return found.text.match(/http\S+token=\S+/)[0];
}

const sent = async (to) => (await letters()).filter((l) => l.to === to).length;

/** Asks for a link on the way to `path`. */
async function ask(page, email, path) {
  await page.goto(`${gate.url}${path}`);
  await page.getByRole('link', { name: 'Mail me a link to sign in' }).click();
  await page.fill('#email', email);
  await submit(page, () => page.getByRole('button', { name: 'Mail me a link' }).click());
  assert.match(await page.textContent('main'), /a link is on its way there/);
}

/** The password, and the code of the app where one is asked for. */
async function finish(page, name, path) {
  assert.match(await page.textContent('main'), /Your mail address was the first step/);
  await page.fill('#code', gate.user(name).password);
  await submit(page, () => page.press('#code', 'Enter'));
  if (gate.user(name).totp_secret) await sendCode(page, await nextCode(gate.user(name).totp_secret));
  assert.equal(page.url(), `${gate.url}${path}`);
}

for (const javaScriptEnabled of [true, false]) {
  const how = javaScriptEnabled ? 'with' : 'without';

  test(`a link goes on in the browser that asked, ${how} JavaScript`, async () => {
    const context = await chromium.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    const [name, path] = javaScriptEnabled ? ['ann', '/'] : ['bob', '/mailed/x'];
    const { email } = gate.user(name);
    const before = await sent(email);
    await page.goto(`${gate.url}${path}`);
    await page.getByRole('link', { name: 'Mail me a link to sign in' }).click();
    if (javaScriptEnabled) await inspectAll(page, 'login-link');
    await ask(page, email, path);
    if (javaScriptEnabled) await inspectAll(page, 'login-link-waiting');
    const tab = await context.newPage();
    const url = await link(email, before);
    await tab.goto(url);
    await tab.reload();
    if (javaScriptEnabled) await inspectAll(tab, 'login-link-follow');
    await submit(tab, () => tab.getByRole('button', { name: 'Go on signing in' }).click());
    await finish(tab, name, path);
    await page.goto(url);
    assert.match(await page.textContent('main'), /This link is over/);
    await context.close();
  });

  test(`in another browser a link shows a code for the first, ${how} JavaScript`, async () => {
    const [first, other] = [await chromium.newContext({ javaScriptEnabled }), await chromium.newContext({ javaScriptEnabled })];
    const [page, phone] = [await first.newPage(), await other.newPage()];
    const { email } = gate.user('bob');
    const before = await sent(email);
    await ask(page, email, '/mailed/x');
    await phone.goto(await link(email, before));
    assert.match(await phone.textContent('main'), /Is this you, signing in\?/);
    assert.equal(await phone.getByRole('button', { name: 'Go on signing in' }).count(), 0);
    await submit(phone, () => phone.getByRole('button', { name: 'Show the code' }).click());
    if (javaScriptEnabled) await inspectAll(phone, 'login-link-code');
    const shown = (await phone.textContent('h1')).match(/\d{6}/)[0];
    assert.equal((await other.cookies()).length, 0, 'nothing is given to it');
    await page.fill('#code', shown);
    await submit(page, () => page.press('#code', 'Enter'));
    await finish(page, 'bob', '/mailed/x');
    await Promise.all([first.close(), other.close()]);
  });
}

test('an account is deleted behind a link, without JavaScript', async () => {
  const context = await chromium.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  const { email, password, totp_secret: secret } = gate.user('ann');
  await page.goto(`${gate.url}/`);
  await signIn(page, 'ann', password);
  await sendCode(page, await nextCode(secret));
  await page.goto(`${gate.url}/.stepgate/account`);
  await page.getByRole('link', { name: 'Delete your account' }).click();
  const before = await sent(email);
  await submit(page, () => page.getByRole('button', { name: 'Mail me the link' }).click());
  assert.match(await page.textContent('main'), /Nothing is deleted until you press the button/);
  const url = await link(email, before);
  const phone = await (await chromium.newContext({ javaScriptEnabled: false })).newPage();
  await phone.goto(url);
  await phone.reload();
  await submit(phone, () => phone.getByRole('button', { name: 'Delete the account' }).click());
  assert.match(await phone.textContent('main'), /is gone, and its sessions have ended/);
  await page.goto(`${gate.url}/.stepgate/account`);
  assert.match(page.url(), /\/\.stepgate\/login/);
  await signIn(page, 'ann', password);
  assert.match(await page.textContent('main'), /not correct/);
  await context.close();
});
