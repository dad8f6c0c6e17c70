// A rule that asks for a proof of each request, and one that asks for it of what is sent: shown, approved, and sent once.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { authenticator, browser, fields, gateway, nextCode, sendCode, signIn, submit, until } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

const PASSWORD = 'correct horse battery';
const NOTE = 'line one\nline two \u202e& é <b>';
const FORM = `<!doctype html><title>Form</title><script src="/.stepgate/step-up.js"></script>
<form method="post" action="/paid/transfer?from=1%20a"><input name="to" value="7"><input name="pin" value="1234"><textarea name="note"></textarea><button>Send</button></form>`;

let app;
let gate;
let chromium;
/** What the app got under the two rules. */
const got = [];

before(async () => {
  app = http.createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece)).on('end', () => {
      const open = request.url.startsWith('/form');
      if (/^\/(once|paid)\//.test(request.url)) got.push({ who: request.headers['remote-user'], target: request.url, headers: request.headers, body: Buffer.concat(pieces).toString() });
      response.setHeader('content-type', 'text/html; charset=utf-8').end(open ? FORM : `<!doctype html><title>Done</title><h1>Done ${got.length}</h1>`);
    });
  });
  await new Promise((resolve) => { app.listen(0, '127.0.0.1', resolve); });
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
apps:
  - host: localhost
    upstream: http://127.0.0.1:${app.address().port}
    identity: { headers: { user: Remote-User } }
    step_up_script: on
    rules:
      - { name: once, path: /once/**, require: two_factor, once: true }
      - { name: paid, path: /paid/**, require: two_factor, transaction: true, redact: [pin], explanation: Sending money }
      - { name: all, path: /**, require: one_factor }
`, ['once-on', 'once-off', 'code-on', 'code-off', 'key', 'script'].map((name) => ({ name, password: PASSWORD, totp: true })));
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); app?.close(); });

const code = (name) => nextCode(gate.people[name].totp_secret ?? gate.people[name].totp?.secret);
const of = (who) => got.filter((one) => one.who === who);
const cookie = async (page, name) => (await page.context().cookies()).find((one) => one.name === name);

/** Somebody who signed in with a password alone. */
async function entered(name, javaScriptEnabled = true) {
  const page = await (await chromium.newContext({ javaScriptEnabled })).newPage();
  await page.goto(`${gate.url}/form`);
  await signIn(page, name, PASSWORD);
  assert.equal(page.url(), `${gate.url}/form`);
  return page;
}

/** Sends the form to this account; the address of the page that shows it. */
async function sent(page, to) {
  await page.goto(`${gate.url}/form`);
  await page.fill('[name=to]', to);
  await page.fill('[name=note]', NOTE);
  await submit(page, () => page.click('button'));
  assert.match(page.url(), /\/\.stepgate\/step-up\?.*&form=sgf_/);
  return page.url();
}

/** What is shown: names and values. */
const shown = (page) => page.$$eval('main dl dt', (names) => names.map((name) => [name.textContent, name.nextElementSibling.textContent]));

for (const [name, javaScriptEnabled] of [['once-on', true], ['once-off', false]]) {
  test(`each request asks for a proof of its own, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
    const page = await entered(name, javaScriptEnabled);
    await page.goto(`${gate.url}/once/report?a=b%20c#part`);
    // The first proof is for the session and for the request.
    assert.match(page.url(), /\/\.stepgate\/step-up\?to=%2Fonce%2Freport/);
    await sendCode(page, await code(name));
    assert.equal(page.url(), `${gate.url}/once/report?a=b%20c#part`);
    assert.equal(of(name).length, 1);
    const slip = await cookie(page, '__Host-stepgate-slip');
    assert.ok(slip.httpOnly && slip.secure && slip.sameSite === 'Lax' && slip.expires * 1000 < Date.now() + 61_000);
    assert.ok(!JSON.stringify(of(name)).includes('stepgate'), 'the app sees nothing of it');
    await page.reload();
    assert.match(page.url(), /\/\.stepgate\/step-up\?/, 'a reload is another request');
    assert.match(await page.textContent('main'), /asks for a proof each time/);
    if (javaScriptEnabled) await inspectAll(page, 'once');
    await sendCode(page, await code(name));
    assert.equal(page.url(), `${gate.url}/once/report?a=b%20c#part`);
    assert.equal(of(name).length, 2);
    await page.context().close();
  });
}

for (const [name, javaScriptEnabled] of [['code-on', true], ['code-off', false]]) {
  test(`a form is shown, approved by a code and sent once, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
    const page = await entered(name, javaScriptEnabled);
    const another = await sent(page, '8');
    await sent(page, '<7>');
    const text = await page.textContent('main');
    assert.match(text, /POST localhost:\d+\/paid\/transfer\?from=1%20a/);
    assert.match(text, /Sending money/);
    assert.match(text, /asks you to look at what is sent/, 'whatever else is missing');
    const [one, two] = await page.$$eval('main dl dd', (values) => [values[0].clientHeight, values[2].clientHeight]);
    assert.ok(two >= 2 * one, 'lines are shown as lines');
    assert.deepEqual(await shown(page), [['to', '<7>'], ['pin', 'Not shown (4 letters)'], ['note', 'line one\r\nline two \ufffd& é <b>']]
      .map(([field, value]) => [field, value.replaceAll('\r\n', '\n')]));
    assert.ok(!(await page.content()).includes('1234'));
    if (javaScriptEnabled) {
      await inspectAll(page, 'transaction');
      // What is shown here approves of nothing else.
      const form = page.url();
      await page.evaluate((to) => { document.querySelector('input[autocomplete="one-time-code"]').form.action = to; }, another);
      await sendCode(page, '000000');
      assert.match(await page.textContent('main'), /is not what this page showed before/);
      assert.deepEqual((await shown(page))[0], ['to', '8']);
      await page.goto(form);
    }
    assert.equal(of(name).length, 0);
    await page.fill(fields.code, await code(name));
    await page.press(fields.code, 'Enter');
    if (javaScriptEnabled) {
      await page.waitForURL(`${gate.url}/paid/transfer?from=1%20a`);
    } else {
      await page.waitForURL(/\/\.stepgate\/form\?/);
      await submit(page, () => page.click('text=Send it now'));
    }
    assert.match(await page.textContent('h1'), /^Done/);
    const [{ body, headers }, ...more] = of(name);
    assert.deepEqual(more, []);
    assert.deepEqual([...new URLSearchParams(body)], [['to', '<7>'], ['pin', '1234'], ['note', NOTE.replaceAll('\n', '\r\n')]]);
    assert.ok(!JSON.stringify(headers).includes('stepgate'));
    await page.goBack();
    await page.waitForLoadState();
    await page.goto(another);
    assert.equal(of(name).length, 1, 'the other form waits still');
    assert.match(page.url(), /step-up/);
    await page.context().close();
  });
}

test('a passkey approves of what is shown, and of no other form', async () => {
  const page = await entered('key');
  await authenticator(page);
  await page.goto(`${gate.url}/.stepgate/account`);
  await submit(page, () => page.getByRole('link', { name: 'Add a passkey or security key' }).click());
  if (await page.locator(fields.code).count() > 0) await sendCode(page, await code('key'));
  await submit(page, () => page.getByRole('button', { name: 'Set up a passkey' }).click());
  const another = await sent(page, '8');
  await sent(page, '7');
  assert.deepEqual((await shown(page))[0], ['to', '7']);
  await inspectAll(page, 'transaction-passkey');
  const form = page.url();
  await page.evaluate((to) => { document.querySelector('main form:has([name=assertion])').action = to; }, another);
  await submit(page, () => page.getByRole('button', { name: 'Continue' }).click());
  assert.match(page.url(), /step-up/);
  assert.deepEqual((await shown(page))[0], ['to', '8']);
  assert.equal(of('key').length, 0, 'what was signed is another form');
  await page.goto(form);
  await Promise.all([page.waitForURL(`${gate.url}/paid/transfer?from=1%20a`), page.getByRole('button', { name: 'Continue' }).click()]);
  assert.deepEqual(of('key').map(({ body }) => new URLSearchParams(body).get('to')), ['7']);
  await page.context().close();
});

test('a script lets the person prove in a window, and the one retry carries the proof', async () => {
  const page = await entered('script');
  const asked = [];
  page.on('response', (answer) => { if (answer.url().endsWith('/once/save')) asked.push(answer.status()); });
  for (const turn of [1, 2]) {
    const [popup] = await Promise.all([page.waitForEvent('popup'), page.evaluate((n) => {
      window.answer = window.stepUpFetch('/once/save', { method: 'POST', body: `number ${n}` }).then((a) => a.status);
      return 1;
    }, turn)]);
    await popup.waitForSelector(fields.code);
    await popup.fill(fields.code, await code('script'));
    await Promise.all([popup.isClosed() || popup.waitForEvent('close'), popup.press(fields.code, 'Enter')]);
    assert.equal(await page.evaluate(() => window.answer), 200);
    assert.equal(of('script').at(-1).body, `number ${turn}`);
  }
  assert.deepEqual(asked, [401, 200, 401, 200], 'each asks, and is sent once more');
  assert.ok(!JSON.stringify(of('script')).includes('stepgate'));
  await until(async () => page.context().pages().length === 1, () => 'a window stays open');
  await page.context().close();
});
