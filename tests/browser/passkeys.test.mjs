// Passkeys and security keys in a real browser, with the authenticators that Chromium makes for tests.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { AUTHENTICATORS, authenticator, browser, demo, fields, gateway, listen, nextCode, redis, sendCode, signIn, submit, until } from './harness.mjs';

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
    rules:
      - { name: sealed, path: /sealed/**, allow: { groups: [sealers] }, require: phishing_resistant }
      - { name: recent, path: /recent/**, require: { strength: two_factor, max_age: 1s } }
      - { name: light, path: /light/**, require: one_factor }
      - { name: all, path: /**, require: two_factor }
`, [...Object.keys(AUTHENTICATORS), 'auto', 'button', 'clicked', 'stepping', 'cards', 'gone', 'plain', 'new', 'strict', 'late', 'keys'].map((name) => (
    { name: name.replaceAll(' ', '-'), password: PASSWORD, totp: !['new', 'strict'].includes(name), groups: ['strict', 'stepping'].includes(name) ? ['sealers'] : [] })));
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); await sample?.stop(); });

const PASSWORD = 'correct horse battery';
const DEEP = '/form?a=1#part';
const BUTTON = { name: 'Use a passkey or security key' };
const secret = (name) => gate.people[name].totp?.secret ?? gate.people[name].totp_secret;
const open = async (options = {}) => (await chromium.newContext(options)).newPage();
const account = (page) => page.goto(`${gate.url}/.stepgate/account`);
const main = (page) => page.textContent('main');

/** Signs in with password and code. */
async function enter(page, name, path = '/') {
  await page.goto(gate.url + path);
  await signIn(page, name, PASSWORD);
  if (await page.locator(fields.code).count() === 0) await submit(page, () => page.getByRole('button', { name: 'Use my authenticator app' }).click());
  await sendCode(page, await nextCode(secret(name)));
}

/** Sets up a passkey from the account page. */
async function setUp(page) {
  await account(page);
  await submit(page, () => page.getByRole('link', { name: 'Add a passkey or security key' }).click());
  await submit(page, () => page.getByRole('button', { name: 'Set up a passkey' }).click());
}

async function signOut(page) {
  await page.goto(`${gate.url}/.stepgate/logout`);
  await submit(page, () => page.getByRole('button', { name: 'Sign out here' }).click());
}

describe('every kind of authenticator is set up and asked for', () => {
  for (const kind of Object.keys(AUTHENTICATORS)) {
    test(kind, async () => {
      const [page, name] = [await open(), kind.replaceAll(' ', '-')];
      const calls = await listen(page);
      const key = await authenticator(page, kind);
      await enter(page, name);
      await setUp(page);
      assert.match(await main(page), /set up/, page.url());
      const { authenticatorSelection, timeout, algorithms, excluded } = calls.find((call) => call.call === 'create');
      assert.deepEqual([authenticatorSelection.residentKey, authenticatorSelection.userVerification, timeout, algorithms[0], excluded], ['preferred', 'preferred', 300_000, -7, 0]);
      await account(page);
      assert.match(await page.textContent('.card[aria-labelledby^=passkey]'), kind === 'synced' ? /may copy it/ : /stays on its device/);
      await signOut(page);
      // The second step takes any of them. The autofill would be faster than the password.
      await key.touched(false);
      await page.goto(gate.url + DEEP);
      await signIn(page, name, PASSWORD);
      assert.match(page.url(), /second-factor/);
      await key.touched(true);
      await submit(page, () => page.getByRole('button', { name: 'Continue' }).click());
      assert.equal(page.url(), gate.url + DEEP, await main(page).catch(() => ''));
      await page.context().close();
    });
  }
});

test('the autofill of the user name signs in, without a click and without a second request', async () => {
  const page = await open();
  const calls = await listen(page);
  const key = await authenticator(page);
  await enter(page, 'auto');
  await setUp(page);
  await key.touched(false);
  await signOut(page);
  await page.goto(gate.url + DEEP);
  assert.equal(await page.getAttribute(fields.username, 'autocomplete'), 'username webauthn');
  await key.touched(true);
  calls.length = 0;
  const requests = [];
  page.on('request', (request) => requests.push(`${request.method()} ${request.resourceType()}`));
  await Promise.all([page.waitForURL(gate.url + DEEP), page.reload()]);
  assert.deepEqual(calls.map((call) => [call.call, call.mediation, call.userVerification, call.allowed]), [['get', 'conditional', 'required', 0]]);
  assert.deepEqual(requests.filter((request) => !/stylesheet|script|image|other/.test(request)), ['GET document', 'POST document', 'GET document'], 'the options are in the page');
});

test('the button ends what waits behind the autofill, asks at once where the browser can, and never by itself', async () => {
  const page = await open();
  const calls = await listen(page);
  const key = await authenticator(page);
  await enter(page, 'button');
  await setUp(page);
  await key.touched(false);
  await signOut(page);
  calls.length = 0;
  await page.goto(gate.url + DEEP);
  await until(() => calls.length > 0, () => 'no conditional request');
  await page.waitForLoadState('networkidle');
  assert.deepEqual(calls.map((call) => [call.call, call.mediation]), [['get', 'conditional']], 'nothing else is asked by script');
  await page.getByRole('button', BUTTON).click({ noWaitAfter: true });
  await until(() => calls.length > 2, () => JSON.stringify(calls));
  assert.deepEqual(calls.slice(1, 3).map((call) => [call.call, call.uiMode]), [['abort', undefined], ['get', 'immediate']]);
  assert.match(await page.textContent('[role=status][data-open]'), /browser is asking now/);
  await Promise.all([page.waitForURL(gate.url + DEEP), key.touched(true)]);
});

test('where nothing is at hand, the button opens the whole dialog; who closes it is told what to do, and the other ways work', async () => {
  const page = await open();
  const calls = await listen(page);
  await authenticator(page, 'u2f');
  await page.goto(gate.url + DEEP);
  calls.length = 0;
  await submit(page, () => page.getByRole('button', BUTTON).click());
  assert.deepEqual(calls.filter((call) => call.call === 'get' && call.mediation !== 'conditional').map((call) => call.uiMode), ['immediate', undefined]);
  assert.match(await page.title(), /^Error: /);
  assert.match(await main(page), /passkey was not used/);
  assert.ok(page.url().endsWith('#part'), 'the fragment is kept');
  await signIn(page, 'clicked', PASSWORD);
  await sendCode(page, await nextCode(secret('clicked')));
  assert.equal(page.url(), gate.url + DEEP);
});

test('with JavaScript off, the button says so and the other ways work', async () => {
  const page = await open({ javaScriptEnabled: false });
  await page.goto(gate.url + DEEP);
  await submit(page, () => page.getByRole('button', BUTTON).click());
  assert.match(await main(page), /needs JavaScript/);
  await signIn(page, 'plain', PASSWORD);
  await sendCode(page, await nextCode(secret('plain')));
  assert.equal(page.url(), gate.url + DEEP);
  await submit(page, async () => { await page.goto(`${gate.url}/.stepgate/passkey?as=session`); await page.getByRole('button', { name: 'Set up a passkey' }).click(); });
  assert.match(await main(page), /needs JavaScript/);
});

test('a step-up takes a passkey, and offers the app beside it', async () => {
  const page = await open();
  const calls = await listen(page);
  await authenticator(page, 'usb');
  await enter(page, 'stepping');
  await setUp(page);
  await signOut(page);
  await enter(page, 'stepping');
  await page.goto(`${gate.url}/sealed/x#there`);
  assert.match(page.url(), /step-up/);
  assert.equal(await page.getByRole('button', { name: 'Use my authenticator app' }).count(), 0, 'an app is not enough there');
  calls.length = 0;
  await submit(page, () => page.getByRole('button', { name: 'Continue' }).click());
  assert.equal(page.url(), `${gate.url}/sealed/x#there`);
  assert.deepEqual(calls.map((call) => [call.call, call.allowed, call.userVerification]), [['get', 1, 'preferred']]);
  await until(async () => { await page.goto(`${gate.url}/recent/x`); return /step-up/.test(page.url()); }, () => 'the proof stays fresh');
  assert.equal(await page.getByRole('button', { name: 'Use my authenticator app' }).count(), 1);
  await account(page);
  await page.locator('.card[aria-labelledby^=passkey] summary').click();
  await submit(page, () => page.getByRole('button', { name: /^Delete this passkey/ }).click());
  assert.match(await main(page), /was not deleted: without it you could not open what the rule sealed guards/);
  assert.equal(await page.locator('.card[aria-labelledby^=passkey]').count(), 1);
});

test('whoever has no second step yet may set up a passkey in the sign-in, and gets backup codes', async () => {
  const page = await open();
  await authenticator(page);
  await page.goto(gate.url + DEEP);
  await signIn(page, 'new', PASSWORD);
  assert.match(page.url(), /enroll/);
  await submit(page, () => page.getByRole('button', { name: 'Set up a passkey or security key instead' }).click());
  assert.match(page.url(), /passkey\?to=.*#part$/);
  await submit(page, () => page.getByRole('button', { name: 'Set up a passkey' }).click());
  assert.equal((await page.textContent('.codes')).trim().split(/\s+/).length, 10);
  await submit(page, () => page.getByRole('button', { name: 'I have saved them' }).click());
  assert.equal(page.url(), gate.url + DEEP);
});

test('where only what resists phishing will do, a passkey is what is set up', async () => {
  const page = await open();
  await authenticator(page);
  await page.goto(`${gate.url}/sealed/x`);
  await signIn(page, 'strict', PASSWORD);
  assert.match(page.url(), /\/passkey\?/);
  await submit(page, () => page.getByRole('button', { name: 'Set up a passkey' }).click());
  await submit(page, () => page.getByRole('button', { name: 'I have saved them' }).click());
  assert.equal(page.url(), `${gate.url}/sealed/x`);
});

test('the account page renames and deletes, and tells the password manager', async () => {
  const page = await open();
  const calls = await listen(page);
  const key = await authenticator(page);
  await enter(page, 'cards');
  await setUp(page);
  await account(page);
  const [{ credentialId, userHandle }] = await key.credentials();
  const encoded = (base64) => base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
  await page.locator('.card[aria-labelledby^=passkey] summary').click();
  await page.fill('.card[aria-labelledby^=passkey] input[name=name]', '  My <b>laptop</b> ');
  await submit(page, () => page.getByRole('button', { name: 'Rename' }).click());
  assert.equal(await page.textContent('.card[aria-labelledby^=passkey] h3'), 'My <b>laptop</b>');
  const heard = (name) => calls.findLast((call) => call.call === name);
  calls.length = 0;
  await page.reload();
  await until(() => heard('signalCurrentUserDetails'), () => JSON.stringify(calls));
  const told = heard('signalAllAcceptedCredentials');
  assert.deepEqual([told.rpId, told.userId, told.allAcceptedCredentialIds], ['localhost', encoded(userHandle), [encoded(credentialId)]]);
  assert.deepEqual([heard('signalCurrentUserDetails').name, heard('signalCurrentUserDetails').displayName], ['cards', 'cards']);
  await page.locator('.card[aria-labelledby^=passkey] summary').click();
  await page.fill('.card[aria-labelledby^=passkey] input[name=name]', ' ');
  await submit(page, () => page.getByRole('button', { name: 'Rename' }).click());
  assert.match(await page.title(), /^Error: /);
  assert.match(await main(page), /Enter a name/);
  calls.length = 0;
  await account(page);
  await page.locator('.card[aria-labelledby^=passkey] summary').click();
  await submit(page, () => page.getByRole('button', { name: /^Delete this passkey/ }).click());
  assert.equal(await page.locator('.card[aria-labelledby^=passkey]').count(), 0);
  await until(() => heard('signalAllAcceptedCredentials'), () => JSON.stringify(calls));
  assert.deepEqual(heard('signalAllAcceptedCredentials').allAcceptedCredentialIds, []);
  assert.match(await main(page), /is deleted/);
  await until(async () => (await key.credentials()).length === 0, () => 'the authenticator still has it');
});

test('a passkey that is not known any more is refused, and the password manager is told', async () => {
  const page = await open();
  const calls = await listen(page);
  const key = await authenticator(page);
  await enter(page, 'gone');
  await setUp(page);
  const [kept] = await key.credentials();
  await account(page);
  await page.locator('.card[aria-labelledby^=passkey] summary').click();
  await submit(page, () => page.getByRole('button', { name: /^Delete this passkey/ }).click());
  await until(async () => (await key.credentials()).length === 0, () => 'the authenticator still has it');
  await signOut(page);
  await key.touched(false);
  await key.add(kept);
  await page.goto(gate.url + DEEP);
  calls.length = 0;
  const told = [];
  page.on('load', () => main(page).then((text) => told.push(text), () => {}));
  await key.touched(true);
  await submit(page, () => page.getByRole('button', BUTTON).click());
  await until(() => told.some((text) => /not known here/.test(text)), () => told.join('\n'));
  await until(() => calls.some((call) => call.call === 'signalUnknownCredential'), () => JSON.stringify(calls));
  const { rpId, credentialId } = calls.find((call) => call.call === 'signalUnknownCredential');
  assert.deepEqual([rpId, Buffer.from(credentialId, 'base64url').toString('base64')], ['localhost', kept.credentialId]);
});

test('all of it works by keyboard alone', async () => {
  const page = await open();
  await authenticator(page, 'usb');
  await enter(page, 'keys');
  await setUp(page);
  await signOut(page);
  await page.goto(gate.url + DEEP);
  const tabTo = async (text) => {
    for (let n = 0; n < 20; n += 1) {
      await page.keyboard.press('Tab');
      if (await page.evaluate((name) => document.activeElement?.textContent === name || document.activeElement?.name === name, text)) return;
    }
    assert.fail(`Tab never reaches ${text}`);
  };
  await tabTo('username');
  await page.keyboard.type('keys');
  await tabTo('password');
  await page.keyboard.type(PASSWORD);
  await submit(page, () => page.keyboard.press('Enter'));
  await tabTo('Continue');
  await submit(page, () => page.keyboard.press('Enter'));
  assert.equal(page.url(), gate.url + DEEP);
});

test('a flood of sign-in pages writes to no store', async () => {
  const store = await redis();
  let database;
  const other = await gateway(({ port, admin, folder }) => {
    database = `${folder}/stepgate.db`;
    return `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${database}" }
state: ${store.url}
apps: [ { host: localhost, upstream: "${sample.app_url.replace(/\/$/, '')}", rules: [ { path: /**, require: two_factor } ] } ]
`;
  }, [{ name: 'ann', password: PASSWORD }]);
  const count = async () => {
    const { info, ping, ...rest } = await store.calls();
    return rest;
  };
  const kept = () => ['', '-wal'].map((end) => readFileSync(database + end).toString('base64')).join();
  const page = () => fetch(`${other.url}/.stepgate/login?to=%2Fform`);
  await page();
  const [before, written] = [await count(), kept()];
  const states = new Set();
  for (let n = 0; n < 300; n += 1) states.add((await (await page()).text()).match(/name="state" value="([^"]+)"/)[1]);
  assert.equal(states.size, 300, 'each has a challenge of its own');
  assert.deepEqual(await count(), before);
  assert.equal(kept(), written);
  // The count does see what a sign-in writes.
  await fetch(`${other.url}/.stepgate/login`, { method: 'POST', headers: { 'content-type': 'application/x-www-form-urlencoded', origin: other.url }, body: 'username=ann&password=wrong' });
  assert.notDeepEqual(await count(), before);
  await other.stop();
  await store.stop();
});

/** A gateway on which a browser may make passkeys by itself. */
const upgrading = () => gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
factors: { passkeys: { upgrade: on } }
apps: [ { host: localhost, upstream: "${sample.app_url.replace(/\/$/, '')}", rules: [ { path: /**, require: one_factor } ] } ]
`, ['ann', 'bob'].map((name) => ({ name, password: PASSWORD })));

test('after a sign-in by password the browser is asked for a passkey without a question, once in 30 days, and goes on', async () => {
  const other = await upgrading();
  const enterAs = async (name) => {
    const page = await open();
    const calls = await listen(page);
    await authenticator(page);
    await page.goto(`${other.url}/form#part`);
    await signIn(page, name, PASSWORD);
    await page.waitForURL(`${other.url}/form#part`);
    await page.context().close();
    return calls.filter((call) => call.call === 'create').map((call) => [call.mediation, call.excluded]);
  };
  // No browser without a password manager answers it: after five seconds the page goes on.
  assert.deepEqual(await enterAs('ann'), [['conditional', 0]]);
  assert.deepEqual(await enterAs('ann'), []);
  const page = await open({ javaScriptEnabled: false });
  await page.goto(`${other.url}/form#part`);
  await signIn(page, 'bob', PASSWORD);
  await submit(page, () => page.getByRole('button', { name: 'Continue' }).click());
  assert.equal(page.url(), `${other.url}/form#part`);
  await other.stop();
});

test('the operator of a gateway that does not say so never has it asked', async () => {
  const page = await open();
  const calls = await listen(page);
  await page.goto(`${gate.url}/light/#part`);
  await signIn(page, 'late', PASSWORD);
  assert.equal(page.url(), `${gate.url}/light/#part`);
  assert.deepEqual(calls.filter((call) => call.call === 'create'), []);
});

test('what programs look for at fixed addresses', async () => {
  const look = (path) => fetch(gate.url + path, { redirect: 'manual' });
  const endpoints = await look('/.well-known/passkey-endpoints');
  assert.deepEqual([endpoints.status, endpoints.headers.get('content-type')], [200, 'application/json']);
  assert.deepEqual(await endpoints.json(), { enroll: `${gate.url}/.stepgate/login?then=passkey`, manage: `${gate.url}/.stepgate/account` });
  const change = await look('/.well-known/change-password');
  assert.equal(change.status, 404, 'an app may have its own');
  assert.deepEqual(await (await look('/.well-known/webauthn')).json(), { origins: [gate.url] });
  for (const other of ['resource-that-should-not-exist-whose-status-code-should-not-be-200', 'passkey-endpoints/', 'webauthn.json', 'Change-Password']) {
    assert.equal((await look(`/.well-known/${other}`)).status, 404, other);
  }
});
