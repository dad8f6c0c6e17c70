// Pages that one meets seldom: each reached as a person reaches it, then looked at in light and dark, narrow and wide.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, fields, gateway, nextCode, sendCode, signIn, submit, until } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

let sample;
let gate;
let hasty; // where a password is too old after a second
let chromium;
before(async () => {
  sample = await demo();
  const app = sample.app_url.replace(/\/$/, '');
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
portal: { name: "Example Ltd", support: "it-help@example.com" }
trusted_proxies: [127.0.0.0/8]
limits: { password: { tries: 3, refill: 60s } }
factors: { passkeys: off }
apps:
  - host: localhost
    upstream: ${app}
    max_body: 1KiB
    rules:
      - { name: vault, path: /admin/**, require: phishing_resistant, explanation: "The keys of the house", remediation: "Ask ops for another way in" }
      - { name: masters, path: /form, require: { strength: two_factor, max_age: 5m }, explanation: "Changing master data" }
      - { name: closed, path: /events/**, access: deny }
      - { name: light, path: /**, require: one_factor }
  - host: dead.test
    upstream: http://127.0.0.1:1
    rules: [{ path: /**, access: public }]
`, ['ann', 'bob', 'eve', 'kim', 'lea', 'max'].map((name) => ({ name, password: `${name} and a long password`, totp: ['ann', 'eve'].includes(name) })));
  hasty = await gateway(({ port, folder, admin }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
portal: { name: "Example Ltd" }
factors: { enroll_max_age: 1s }
apps:
  - host: localhost
    upstream: ${app}
    rules: [{ path: /form, require: two_factor }, { path: /**, require: one_factor }]
`, [{ name: 'bob', password: 'bob and a long password' }]);
  chromium = await browser('--host-resolver-rules=MAP *.test 127.0.0.1');
});
after(async () => { await chromium?.close(); await hasty?.stop(); await gate?.stop(); await sample?.stop(); });

const person = (name) => ({ password: gate.people[name].password, secret: gate.people[name].totp_secret ?? gate.people[name].totp?.secret });
const from = (address) => chromium.newContext({ extraHTTPHeaders: { 'x-forwarded-for': address } });

/** A test of one page: `visit` gets a fresh page and brings it there. JavaScript is on for axe-core alone. */
function look(name, says, visit) {
  test(name, async () => {
    const context = await chromium.newContext();
    const page = await visit(await context.newPage()) ?? context.pages().at(-1);
    assert.match(await page.textContent('main'), says);
    await inspectAll(page, name);
    await page.context().close();
  });
}
async function enter(page, name, to = '/') {
  await page.goto(gate.url + to);
  await signIn(page, name, person(name).password);
  return page;
}

look('login-out-of-reach', /Signing in will not open it/, async (page) => { await page.goto(`${gate.url}/admin/`); });
look('out-of-reach', /a passkey or a security key/, async (page) => { await enter(page, 'ann', '/admin/'); });
look('out-of-reach-signed-in', /Signed in as/, async (page) => { await enter(page, 'ann'); await page.goto(`${gate.url}/admin/`); });
look('step-up', /Changing master data/, async (page) => { await enter(page, 'ann'); await page.goto(`${gate.url}/form?id=7`); });
look('step-up-error', /There is a problem/, async (page) => {
  await enter(page, 'ann');
  await page.goto(`${gate.url}/form?id=7`);
  await sendCode(page, '123');
});
look('step-up-password', /Before an authenticator is added/, async (page) => {
  await page.goto(hasty.url);
  await signIn(page, 'bob', hasty.people.bob.password);
  await until(async () => {
    await page.goto(`${hasty.url}/form`);
    return page.url().includes('then=enroll');
  }, () => page.url());
});
look('codes', /Save your backup codes/, async (page) => {
  await enter(page, 'kim', '/form');
  gate.key = (await page.textContent('code.key')).replaceAll(' ', '');
  await sendCode(page, await nextCode(gate.key));
  gate.codes = (await page.textContent('.codes')).trim().split(/\s+/);
});
look('backup-code-used', /You have 9 backup codes left/, async (page) => {
  await enter(page, 'kim', '/form');
  await submit(page, () => page.locator('button[name=way][value=backup_code]').click());
  await sendCode(page, gate.codes[0]);
});
look('was-this-you', /Was this you\?/, async (unused) => {
  await unused.context().close();
  const [home, away] = [await from('192.0.2.7'), await from('2001:db8:7:42:aaaa:bbbb:cccc:dddd')];
  await enter(await home.newPage(), 'eve');
  await enter(await away.newPage(), 'eve');
  const guess = await (await from('198.51.100.66')).newPage();
  await guess.goto(`${gate.url}/form`);
  await signIn(guess, 'eve', person('eve').password);
  await sendCode(guess, '000000');
  await guess.context().close();
  await away.close();
  await home.clearCookies({ name: '__Host-stepgate' });
  return enter(await home.newPage(), 'eve');
});
look('cookie-not-kept', /did not keep our cookie/, async (page) => { await page.goto(`${gate.url}/.stepgate/login?to=%2Fdeep%2Flink&check=cookies`); });
look('cookie-not-kept-http', /This address is not secure/, async (page) => {
  await page.goto(`${gate.url.replace('localhost', 'dead.test')}/.stepgate/login`);
  await signIn(page, 'ann', 'whatever');
});
look('loop', /3 times in a row/, async (page) => {
  await enter(page, 'lea');
  for (let i = 0; i < 4; i += 1) await page.goto(`${gate.url}/.stepgate/login?to=%2Freports%2F2026&turn=${i}`);
});
// A form of another site is not kept.
look('form-lost', /Your form was not sent/, async (page) => {
  await page.goto('about:blank');
  await page.setContent(`<form method="post" action="${gate.url}/form"><button>Send</button></form>`);
  await submit(page, () => page.click('button'));
});
look('too-large', /What you sent is too large/, async (page) => {
  await enter(page, 'lea', '/public/');
  await page.setContent(`<form method="post" action="/public/echo"><textarea name="x">${'x'.repeat(2000)}</textarea><button>Send</button></form>`);
  await submit(page, () => page.click('button'));
});
look('refused', /It is closed to everybody/, async (page) => { await enter(page, 'lea'); await page.goto(`${gate.url}/events/x`); });
look('wait', /Wait before the next attempt/, async (page) => {
  await page.goto(gate.url);
  for (let i = 0; i < 4; i += 1) await signIn(page, 'max', `wrong ${i}`);
});
look('app-down', /./, async (page) => { await page.goto(`${gate.url.replace('localhost', 'dead.test')}/x`); });
look('wrong-host', /./, async (page) => { await page.goto(`${gate.url.replace('localhost', 'nobody.test')}/x`); });
look('already', /You have already signed in/, async (page) => { await enter(page, 'lea'); await page.goto(`${gate.url}/.stepgate/second-factor?to=%2Fx`); });
look('frame', /Your session ended/, async (page) => {
  await enter(page, 'lea', '/public/');
  await page.context().clearCookies();
  await page.setContent('<!doctype html><html lang="en"><title>An old app</title><main><h1>An old app with frames</h1><p>Your session ended</p><iframe title="part" src="/form" width="300" height="400"></iframe></main>');
  await page.waitForTimeout(500);
});
