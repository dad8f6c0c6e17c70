// A script that meets a challenge lets the person prove what is missing in a window of its own, and asks once more.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import { axe, browser, demo, fields, nextCode, sendCode, signIn, until } from './harness.mjs';

let sample;
let chromium;
before(async () => { sample = await demo(); chromium = await browser(); });
after(async () => { await chromium?.close(); await sample?.stop(); });

/** A page of the app, of somebody who signed in by a password alone, and what it asked of the app. */
async function orders(name = 'ann', launched = chromium) {
  const context = await launched.newContext();
  const page = await context.newPage();
  await page.goto(`${sample.url}/orders/`);
  await signIn(page, name, sample.user(name).password);
  assert.equal(page.url(), `${sample.url}/orders/`);
  return { page, asked: statuses(page) };
}

/** The statuses of what was saved, in order. */
function statuses(page) {
  const asked = [];
  page.on('response', (answer) => { if (answer.url().endsWith('/orders/save')) asked.push(answer.status()); });
  return asked;
}

const told = (page) => page.textContent('output');
const until_told = (page, pattern) => until(async () => pattern.test(await told(page)), () => `never told ${pattern}`);
const closed = (popup) => (popup.isClosed() ? undefined : popup.waitForEvent('close'));
const secret = (name) => sample.user(name).totp_secret;

test('a write asks for a second step in a window, is sent again as it was, and asks nothing for a minute', async () => {
  const { page, asked } = await orders();
  await page.fill('#note', 'Zehn Stück, “dringend”');
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('#json button')]);
  await popup.waitForSelector(fields.code);
  assert.match(popup.url(), /\/\.stepgate\/step-up\?to=%2Forders%2Fsave&for=POST&popup=[0-9a-f-]{36}$/);
  assert.equal(await popup.evaluate(() => window.opener), null, 'our pages have no opener');
  assert.equal(await told(page), 'Saving…');
  await Promise.all([closed(popup), popup.fill(fields.code, await nextCode(secret('ann'))).then(() => popup.press(fields.code, 'Enter'))]);
  await until_told(page, /^Saved 33 characters of application\/json\.$/);
  assert.deepEqual(asked, [401, 200]);
  assert.equal(await page.inputValue('#note'), 'Zehn Stück, “dringend”', 'nothing typed is lost');

  // A file, byte for byte, while the second step is fresh.
  const file = Buffer.from(Array.from({ length: 3000 }, (_, n) => n % 256));
  const echoed = page.waitForResponse((answer) => answer.url().endsWith('/orders/save'));
  await page.setInputFiles('#document', { name: 'a b.bin', mimeType: 'application/octet-stream', buffer: file });
  await page.click('#file button');
  const { body, body_encoding: encoding } = await (await echoed).json();
  assert.equal(encoding, 'base64');
  assert.ok(Buffer.from(body, 'base64').includes(file));
  assert.deepEqual(asked, [401, 200, 200]);
});

test('a multipart body is sent again byte for byte, to whom signs in only then', async () => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  const asked = statuses(page);
  await page.goto(`${sample.url}/public/`);
  await page.addScriptTag({ url: '/.stepgate/step-up.js' });
  const [popup, echoed] = await Promise.all([page.waitForEvent('popup'), page.evaluate(() => {
    window.body = new FormData();
    window.body.append('title', 'Ünïcode');
    window.body.append('file', new Blob([new Uint8Array(Array.from({ length: 2000 }, (_, n) => n % 256))]), 'a.bin');
    window.answer = window.stepUpFetch('/orders/save', { method: 'POST', body: window.body, headers: { 'X-Kept': 'yes' } });
    return 'begun';
  })]);
  assert.equal(echoed, 'begun');
  await popup.waitForSelector(fields.username);
  assert.match(popup.url(), /\/\.stepgate\/login\?/);
  await signIn(popup, 'root', sample.user('root').password);
  await Promise.all([closed(popup), popup.fill(fields.code, await nextCode(secret('root'))).then(() => popup.press(fields.code, 'Enter'))]);
  const { status, got } = await page.evaluate(async () => {
    const answer = await window.answer;
    return { status: answer.status, got: await answer.json() };
  });
  assert.equal(status, 200);
  assert.deepEqual(asked, [401, 200]);
  const header = (name) => got.headers.find(([one]) => one.toLowerCase() === name)?.[1];
  assert.equal(header('x-kept'), 'yes');
  const sent = Buffer.from(got.body, 'base64');
  const boundary = header('content-type').split('boundary=')[1];
  assert.ok(sent.includes(Buffer.from(Array.from({ length: 2000 }, (_, n) => n % 256))));
  assert.ok(sent.toString('latin1').startsWith(`--${boundary}\r\n`) && sent.toString('latin1').endsWith(`--${boundary}--\r\n`));
  assert.ok(sent.toString('utf8').includes('Ünïcode'));
});

test('who closes the window gets the 401, and may try again', async () => {
  const { page, asked } = await orders();
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.click('#json button')]);
  await popup.waitForSelector(fields.code);
  await popup.close({ runBeforeUnload: false });
  await until_told(page, /^Not saved\. .*second step/);
  assert.deepEqual(asked, [401], 'nothing is sent again');
  const [again] = await Promise.all([page.waitForEvent('popup'), page.click('#json button')]);
  await again.waitForSelector(fields.code);
  await again.close();
  await until(() => asked.length === 2, () => `${asked}`);
});

test('requests that meet a 401 at once share one window', async () => {
  const { page, asked } = await orders('root');
  const popups = [];
  page.on('popup', (popup) => popups.push(popup));
  await page.evaluate(() => {
    const one = (n) => window.stepUpFetch('/orders/save', { method: 'POST', body: `number ${n}` }).then((a) => a.json()).then((a) => a.body);
    window.all = Promise.all([one(1), one(2), one(3)]);
  });
  await until(() => popups.length > 0 && asked.length === 3, () => 'no window');
  await popups[0].waitForSelector(fields.code);
  await Promise.all([closed(popups[0]), popups[0].fill(fields.code, await nextCode(secret('root'))).then(() => popups[0].press(fields.code, 'Enter'))]);
  assert.deepEqual(await page.evaluate(() => window.all), ['number 1', 'number 2', 'number 3']);
  assert.equal(popups.length, 1);
  assert.deepEqual(asked, [401, 401, 401, 200, 200, 200], 'each once more');
});

test('messages of another window are not listened to, and an aborted request closes its own', async () => {
  const { page, asked } = await orders();
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.evaluate(() => {
    window.stop = new AbortController();
    window.answer = window.stepUpFetch('/orders/save', { method: 'POST', body: 'x', signal: window.stop.signal }).then((a) => a.status, (e) => e.name);
  })]);
  await popup.waitForSelector(fields.code);
  const other = await page.context().newPage();
  await other.goto(`${sample.url}/public/`);
  const state = () => page.evaluate(() => Promise.race([window.answer, new Promise((r) => { setTimeout(r, 300, 'waits'); })]));
  await other.evaluate(() => {
    const channel = new BroadcastChannel('stepgate');
    for (const popup of [crypto.randomUUID(), '', undefined]) {
      for (const state of ['done', 'closed', 'end']) channel.postMessage({ popup, state });
    }
    for (const odd of [null, 'done', 7, { state: 'done' }]) channel.postMessage(odd);
  });
  assert.equal(await state(), 'waits');
  assert.ok(!popup.isClosed());
  await Promise.all([popup.waitForEvent('close'), page.evaluate(() => window.stop.abort())]);
  assert.equal(await page.evaluate(() => window.answer), 'AbortError');
  assert.deepEqual(asked, [401]);
});

test('where the browser keeps windows shut, the app gets the 401 and is told', async () => {
  const context = await chromium.newContext();
  await context.addInitScript(() => { window.open = () => null; });
  const page = await context.newPage();
  await page.goto(`${sample.url}/orders/`);
  await signIn(page, 'ann', sample.user('ann').password);
  const asked = statuses(page);
  await page.evaluate(() => addEventListener('stepgate:blocked', ({ detail }) => { window.why = detail.reason; }));
  await page.click('#json button');
  await until_told(page, /^Not saved\./);
  assert.ok(await page.isVisible('#blocked'));
  assert.equal(await page.evaluate(() => window.why), 'mfa_required');
  assert.deepEqual(asked, [401]);
  // A later one may have more luck: nothing hangs.
  await page.click('#json button');
  await until(() => asked.length === 2, () => `${asked}`);
});

test('with people who sign in elsewhere the window ends on the host of the app', async () => {
  const page = await (await chromium.newContext()).newPage();
  await page.goto(`${sample.first_url}/public/`);
  await page.addScriptTag({ url: '/.stepgate/step-up.js' });
  const [popup] = await Promise.all([page.waitForEvent('popup'), page.evaluate(() => {
    window.answer = window.stepUpFetch('/orders/save', { method: 'POST', body: 'from afar' });
    return 1;
  })]);
  await popup.waitForSelector(fields.username);
  assert.match(popup.url(), /^http:\/\/login\.localhost:\d+\/\.stepgate\/login\?handoff=/);
  await signIn(popup, 'ann', sample.user('ann').password);
  await Promise.all([closed(popup), popup.fill(fields.code, await nextCode(secret('ann'))).then(() => popup.press(fields.code, 'Enter'))]);
  assert.deepEqual(await page.evaluate(async () => { const a = await window.answer; return [a.status, (await a.json()).body]; }), [200, 'from afar']);
});

test('a 401 of the app itself, and one that names another origin, open no window', async () => {
  const page = await (await chromium.newContext()).newPage();
  await page.goto(`${sample.url}/public/`);
  await page.addScriptTag({ url: '/.stepgate/step-up.js' });
  const body = { login_url: 'https://evil.example/', reason: 'login_required' };
  for (const [headers, body_] of [[{}, body], [{ 'X-Stepgate-Response': 'challenge' }, body],
    [{ 'X-Stepgate-Response': 'challenge' }, { ...body, login_url: `${sample.url}/x?`, reason: 'transaction' }],
    [{ 'X-Stepgate-Response': 'challenge' }, { ...body, login_url: 'javascript:alert(1)' }], [{ 'X-Stepgate-Response': 'challenge' }, 7]]) {
    await page.route('**/public/odd', (route) => route.fulfill({ status: 401, headers: { ...headers, 'content-type': 'application/problem+json' }, body: JSON.stringify(body_) }));
    assert.equal(await page.evaluate(async () => { const a = await window.stepUpFetch('/public/odd'); return `${a.status} ${typeof (await a.json())}`; }), `401 ${typeof body_}`);
    await page.unroute('**/public/odd');
  }
  assert.equal(page.context().pages().length, 1);
});

test('without JavaScript the last page says what to do; it and the sample are usable by everybody', async () => {
  const page = await (await chromium.newContext({ javaScriptEnabled: false })).newPage();
  await page.goto(`${sample.url}/.stepgate/done?to=%2Forders%2Fsave&for=POST&popup=36b8f84d-df4e-4d49-b662-bcde71a8764f`);
  assert.match(await page.textContent('main'), /You can close this window/);
  const read = await (await chromium.newContext()).newPage();
  await read.goto(page.url());
  assert.ok(!read.isClosed(), 'nobody asked it to close');
  assert.deepEqual((await axe(read)).violations, []);
  const { page: form } = await orders();
  assert.deepEqual((await axe(form)).violations, []);
  for (const width of [320, 1280]) {
    await form.setViewportSize({ width, height: 700 });
    assert.ok(await form.evaluate(() => document.documentElement.scrollWidth <= innerWidth), `${width}`);
  }
});

test('the script is smaller than 1.5 kB, packed as well as gzip can', async () => {
  const answer = await fetch(`${sample.url}/.stepgate/step-up.js`, { headers: { 'accept-encoding': 'identity' } });
  const size = execFileSync('gzip', ['-9', '-c'], { input: Buffer.from(await answer.arrayBuffer()) }).length;
  assert.ok(size <= 1500, `${size}`);
  assert.match(answer.headers.get('etag'), /^"[0-9a-f]{16}"$/);
});
