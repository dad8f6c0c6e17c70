// What people are told beside the sign-in itself: when they were here last, what was strange since, that their browser
// keeps no cookie, that they are sent round, that a rule is out of reach. In a real browser, without JavaScript.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { browser, cookieless, demo, gateway, nextCode, sendCode, signIn, submit, until } from './harness.mjs';

let sample;
let gate;
let chromium;
before(async () => {
  sample = await demo();
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
portal: { name: "Example Ltd", support: "it-help@example.com" }
trusted_proxies: [127.0.0.0/8]
factors: { passkeys: off }
apps:
${['localhost', 'erp.test'].map((host) => `
  - host: ${host}
    upstream: ${sample.app_url.replace(/\/$/, '')}
    rules:
      - { name: inside, path: /events/**, networks: [10.0.0.0/8], require: two_factor }
      - { name: light, path: /events/**, require: one_factor }
      - { name: open, path: /public/**, require: one_factor }
      - { name: vault, path: /admin/**, require: phishing_resistant, explanation: "The keys of the house", remediation: "Ask ops for another way in" }
      - { name: all, path: /**, require: two_factor }
`).join('')}
`, ['ann', 'eve', 'max', 'kim', 'lea'].map((name) => ({ name, password: `${name} and a long password`, totp: name !== 'kim' })));
  chromium = await browser('--host-resolver-rules=MAP erp.test 127.0.0.1');
});
after(async () => { await chromium?.close(); await gate?.stop(); await sample?.stop(); });

const person = (name) => ({ password: gate.people[name].password, secret: gate.people[name].totp_secret ?? gate.people[name].totp?.secret });
/** A browser that comes from `address`, as the TLS terminator in front would tell. */
const from = (address, more = {}) => chromium.newContext({ javaScriptEnabled: false, extraHTTPHeaders: { 'x-forwarded-for': address }, ...more });
async function enter(context, name, to = '/form') {
  const page = await context.newPage();
  await page.goto(gate.url + to);
  await signIn(page, name, person(name).password);
  // A code is spent only where the destination asks for one: the next is half a minute away.
  if (page.url().includes('/.stepgate/second-factor')) await sendCode(page, await nextCode(person(name).secret));
  return page;
}
const LIGHT = '/public/echo';
/** Loses the session, as by closing the browser, and looks at nothing. */
async function leave(context) {
  await Promise.all(context.pages().map((page) => page.goto('about:blank')));
  await context.clearCookies({ name: '__Host-stepgate' });
}

test('the second step says when one was here last; nobody has to click anything away', async () => {
  const context = await from('192.0.2.7');
  const page = await context.newPage();
  await page.goto(`${gate.url}/form?a=b#row`);
  assert.doesNotMatch(await page.textContent('main'), /signed in/i, 'not before the first factor');
  await signIn(page, 'ann', person('ann').password);
  assert.match(await page.textContent('main'), /You have not signed in here before\./);
  await sendCode(page, await nextCode(person('ann').secret));
  assert.equal(page.url(), `${gate.url}/form?a=b#row`);
  await leave(context);
  await page.goto(`${gate.url}/form?a=b#row`);
  await signIn(page, 'ann', person('ann').password);
  assert.match(await page.textContent('main'), /You last signed in .* ago \(\d+ \w+ \d{4}, \d\d:\d\d UTC\)\./);
  assert.doesNotMatch(await page.textContent('main'), /192\.0\.2\.7/);
  await sendCode(page, await nextCode(person('ann').secret));
  assert.equal(page.url(), `${gate.url}/form?a=b#row`);
  await context.close();
});

test('a strange sign-in is told before the deep link, which keeps its query and fragment', async () => {
  const home = await from('192.0.2.7');
  await (await enter(home, 'eve', LIGHT)).close();
  const elsewhere = await from('198.51.100.66');
  assert.equal((await enter(elsewhere, 'eve', LIGHT)).url(), gate.url + LIGHT, 'the stranger is told nothing');
  await elsewhere.close();
  await leave(home);
  const page = await enter(home, 'eve', '/form?month=11&x=a%20b#totals');
  const text = await page.textContent('main');
  assert.match(text, /Was this you\?/);
  assert.match(text, /from the address 198\.51\.100\.66/);
  assert.match(text, /it-help@example\.com/);
  await submit(page, () => page.getByRole('button', { name: 'Continue' }).click());
  assert.equal(page.url(), `${gate.url}/form?month=11&x=a%20b#totals`);
  await leave(home);
  assert.equal((await enter(home, 'eve', LIGHT)).url(), gate.url + LIGHT, 'told once');
  await home.close();
});

test('who says that it was not them can sign out everywhere at once', async () => {
  const home = await from('192.0.2.7');
  await (await enter(home, 'max', LIGHT)).close();
  const attacker = await from('198.51.100.66');
  const stolen = await enter(attacker, 'max', LIGHT);
  await leave(home);
  const page = await enter(home, 'max', LIGHT);
  await submit(page, () => page.getByRole('link', { name: /not me/ }).click());
  await submit(page, () => page.getByRole('button', { name: 'Sign out everywhere' }).click());
  assert.match(await page.textContent('main'), /signed out/i);
  await stolen.goto(`${gate.url}${LIGHT}?again`);
  assert.match(stolen.url(), /\/\.stepgate\/login/);
  await Promise.all([home.close(), attacker.close()]);
});

for (const [what, path, name] of [['two factors', '/form', 'lea'], ['one factor', '/public/echo', 'lea'], ['enrolment', '/form', 'kim']]) {
  test(`a browser that keeps no cookie is told so, not asked again (${what})`, async () => {
    const { context, close } = await cookieless();
    const page = context.pages()[0] ?? await context.newPage();
    await page.goto(gate.url + path);
    await signIn(page, name, person(name).password);
    const text = await page.textContent('main');
    assert.match(text, /Your browser did not keep our cookie/);
    assert.match(text, /__Host-stepgate/);
    assert.match(text, /localhost/);
    assert.equal(await page.locator('input:not([type=hidden])').count(), 0, 'no form to loop in');
    await submit(page, () => page.getByRole('button', { name: 'Try again' }).click());
    assert.equal(new URL(page.url()).searchParams.get('to'), path, 'the deep link is kept');
    await close();
  });
}

test('an address without https is named as the reason', async () => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  const url = gate.url.replace('localhost', 'erp.test');
  await page.goto(`${url}/form`);
  await signIn(page, 'lea', person('lea').password);
  assert.match(await page.textContent('main'), /Open https:\/\/erp\.test instead/);
  await context.close();
});

test('a browser that has shown a cookie of ours is not sent by way of the look for one', async () => {
  const context = await from('192.0.2.7');
  const page = await context.newPage();
  const paths = [];
  page.on('request', (request) => { if (request.isNavigationRequest()) paths.push(new URL(request.url()).search); });
  const once = async () => {
    paths.length = 0;
    await page.goto(`${gate.url}/public/echo#x`);
    await signIn(page, 'lea', person('lea').password);
    assert.equal(page.url(), `${gate.url}/public/echo#x`);
    return paths.filter((search) => search.includes('check=cookies')).length;
  };
  assert.equal(await once(), 1);
  await leave(context);
  assert.equal(await once(), 0);
  await context.close();
});

/** A proxy in front that tells another client address to our pages than to the app, as an unlucky network does. */
async function swinging() {
  const server = http.createServer((request, response) => {
    const address = request.url.startsWith('/.stepgate/') ? '192.0.2.7' : '10.1.1.1';
    const headers = { ...request.headers, 'x-forwarded-for': address };
    const on = http.request(gate.url + request.url, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers);
      answer.pipe(response);
    });
    request.pipe(on);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const stop = () => new Promise((resolve) => { server.close(resolve); server.closeAllConnections(); });
  return { url: `http://localhost:${server.address().port}`, stop };
}

test('a browser that is signed in and sent back again and again is stopped by a page', async () => {
  const front = await swinging();
  const context = await chromium.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await page.goto(`${front.url}/events/list?a=b#row`);
  await signIn(page, 'lea', person('lea').password);
  // Chromium would give up after twenty redirects, with a page of its own.
  const text = await page.textContent('main');
  assert.match(text, /This page keeps asking you to sign in/);
  assert.match(text, /events\/list 3 times in a row/);
  assert.match(text, /it-help@example\.com/);
  await until(() => /"reason":"redirect_loop"/.test(gate.log()), () => gate.log());
  await context.close();
  await front.stop();
});

test('a rule that nobody can meet is told honestly, before a code is asked', async () => {
  for (const name of ['ann', 'kim']) {
    const context = await from('192.0.2.7');
    const page = await context.newPage();
    await page.goto(`${gate.url}/admin/`);
    assert.match(await page.textContent('main'), /Signing in will not open it/);
    await signIn(page, name, person(name).password);
    const text = await page.textContent('main');
    for (const word of ['a passkey or a security key', 'The keys of the house', 'Ask ops for another way in', 'vault']) assert.ok(text.includes(word), `${word}: ${text}`);
    assert.equal(await page.locator('svg, input').count(), 0);
    await context.close();
  }
  const context = await from('192.0.2.7');
  const page = await enter(context, 'ann');
  const answer = await page.goto(`${gate.url}/admin/`);
  assert.equal(answer.status(), 403);
  assert.match(await page.textContent('main'), /You have a password and an authenticator app/);
  const told = await page.request.get(`${gate.url}/admin/`, { headers: { accept: 'application/json', 'sec-fetch-mode': 'cors' } });
  assert.equal(told.status(), 403);
  assert.equal((await told.json()).code, 'factor_unavailable');
  await context.close();
});

test('the style sheet is sent packed, kept for good and confirmed without a body; pages are not packed', async () => {
  const login = await fetch(`${gate.url}/.stepgate/login`, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(login.headers.get('content-encoding'), null);
  const css = gate.url + (await login.text()).match(/href="(\/\.stepgate\/assets\/[^"]+\.css)"/)[1];
  const first = await fetch(css, { headers: { 'accept-encoding': 'gzip' } });
  assert.equal(first.headers.get('content-encoding'), 'gzip');
  assert.match(first.headers.get('vary'), /Accept-Encoding/);
  assert.match(first.headers.get('cache-control'), /immutable/);
  const etag = first.headers.get('etag');
  const again = await fetch(css, { headers: { 'accept-encoding': 'gzip', 'if-none-match': etag } });
  assert.equal(again.status, 304);
  assert.equal((await again.arrayBuffer()).byteLength, 0);
  const plain = await fetch(css, { headers: { 'accept-encoding': 'identity' } });
  assert.equal(plain.headers.get('content-encoding'), null);
  assert.notEqual(plain.headers.get('etag'), etag);
  assert.ok(Number(first.headers.get('content-length')) * 2 < Number(plain.headers.get('content-length')));
});
