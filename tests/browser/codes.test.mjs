// Codes that are sent, in the demo, which keeps what it would send: with JavaScript and without; and the page of addresses.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, sendCode, signIn, submit, until } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

let gate;
let chromium;
before(async () => {
  gate = await demo();
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); });

/** The newest letter to an address that is none of `before`. */
async function letter(to, before = []) {
  let found;
  await until(async () => {
    const all = await (await fetch(gate.outbox_url)).json();
    found = all.filter((l) => l.to === to).at(-1);
    return found && !before.includes(found.text);
  }, () => `nothing was sent to ${to}`);
  return found;
}

const digits = (text) => text.match(/\b\d{6}\b/)[0];

async function ask(page, name) {
  await page.goto(`${gate.url}/mailed/x`);
  await signIn(page, name, gate.user(name).password);
  assert.match(page.url(), /\/\.stepgate\/second-factor/);
}

for (const [name, javaScriptEnabled] of [['bob', true], ['ann', false]]) {
  test(`${name} signs in by a mailed code, ${javaScriptEnabled ? 'with' : 'without'} JavaScript`, async () => {
    const context = await chromium.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    await ask(page, name);
    await submit(page, () => page.locator('button[name=way][value=email_code], button[name=method][value=email_code]').first().click());
    assert.match(await page.textContent('main'), /on its way to [ab]•••@e•••\.com/);
    const first = await letter(gate.user(name).email);
    await page.locator('summary', { hasText: 'not received' }).click();
    if (javaScriptEnabled) await inspectAll(page, 'sent-code');
    await submit(page, () => page.getByRole('button', { name: 'Send a new code' }).click());
    const second = await letter(gate.user(name).email, [first.text]);
    await sendCode(page, digits(first.text) === digits(second.text) ? 'x' : digits(first.text));
    assert.match(await page.textContent('main'), /Enter the newest one/);
    await sendCode(page, digits(second.text));
    assert.equal(page.url(), `${gate.url}/mailed/x`);
    await context.close();
  });
}

test('a texted code may be pasted with the whole message', async () => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  await ask(page, 'bob');
  const by = page.locator('button[value=sms_code]').first();
  await inspectAll(page, 'sent-code-ask');
  await submit(page, () => by.click());
  const { text } = await letter(gate.user('bob').phone);
  assert.match(text, new RegExp(`\n@localhost #${digits(text)}$`), 'bound to the host, on its last line');
  await sendCode(page, text);
  assert.equal(page.url(), `${gate.url}/mailed/x`);
  await page.goto(`${gate.url}/.stepgate/addresses`);
  assert.match(await page.textContent('main'), /bob@example\.com/);
  await inspectAll(page, 'addresses');
  await page.fill('#email', 'bob');
  await submit(page, () => page.press('#email', 'Enter'));
  assert.match(await page.title(), /^Error: /);
  await inspectAll(page, 'addresses-wrong');
  await page.fill('#email', 'bob@example.org');
  await submit(page, () => page.press('#email', 'Enter'));
  await inspectAll(page, 'addresses-confirm');
  await sendCode(page, digits((await letter('bob@example.org')).text));
  assert.match(await page.textContent('main'), /bob@example\.org is confirmed/);
  await context.close();
});
