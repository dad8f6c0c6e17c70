// One sign-in for two apps, in a real Chromium: the demo's hosts under localhost.
import assert from 'node:assert/strict';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { axe, browser, demo, nextCode, sendCode, signIn } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

let gate;
let chromium;
before(async () => { [gate, chromium] = [await demo(), await browser()]; });
after(async () => { await chromium?.close(); await gate?.stop(); });

const ORIGIN = (url) => new URL(url).origin;

test('one sign-in opens both apps, keeps the fragment, and one way out ends both', async () => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  const blocked = [];
  page.on('console', (message) => { if (/Content Security Policy|Refused/.test(message.text())) blocked.push(message.text()); });
  const ann = gate.user('ann');
  await page.goto(`${gate.first_url}/echo?a=b#part-7`);
  assert.equal(ORIGIN(page.url()), gate.portal_url);
  assert.match(await page.textContent('main'), /first\.localhost:\d+\/echo/);
  await signIn(page, 'ann', ann.password);
  await sendCode(page, await nextCode(ann.totp_secret));
  assert.equal(page.url(), `${gate.first_url}/echo?a=b#part-7`);
  await page.goto(`${gate.second_url}/echo#part-8`);
  assert.equal(page.url(), `${gate.second_url}/echo#part-8`, 'no prompt');
  const cookies = await context.cookies();
  const ours = cookies.filter((c) => c.name === '__Host-stepgate');
  assert.equal(new Set(ours.map((c) => c.domain)).size, 3);
  assert.equal(new Set(ours.map((c) => c.value)).size, 3, 'each host has a token of its own');
  assert.ok(ours.every((c) => c.httpOnly && c.secure && c.sameSite === 'Lax' && !c.domain.startsWith('.')));

  await page.goto(`${gate.portal_url}/`);
  const apps = await page.$$eval('main ul a', (links) => links.map((link) => link.href));
  assert.ok(apps.includes(`${gate.first_url}/`) && apps.includes(`${gate.second_url}/`), apps.join());
  await inspectAll(page, 'apps');

  await page.goto(`${gate.second_url}/.stepgate/logout`);
  await Promise.all([page.waitForNavigation(), page.click('button:has-text("Sign out here")')]);
  for (const url of [gate.first_url, gate.second_url]) {
    await page.goto(`${url}/echo`);
    assert.equal(ORIGIN(page.url()), gate.portal_url);
    assert.ok(await page.$('input[autocomplete="current-password"]'), 'asked to sign in');
  }
  assert.deepEqual(blocked, []);
  await context.close();
});

test('a rule that asks for more asks at the portal, once for both apps', async () => {
  const context = await chromium.newContext();
  const page = await context.newPage();
  const root = gate.user('root');
  await page.goto(`${gate.portal_url}/`);
  await signIn(page, 'root', root.password);
  assert.equal(page.url(), `${gate.portal_url}/`, 'one factor is enough for the list of apps');
  await page.goto(`${gate.first_url}/admin/#users`);
  assert.ok(page.url().startsWith(`${gate.portal_url}/.stepgate/step-up?handoff=`), page.url());
  await sendCode(page, await nextCode(root.totp_secret));
  assert.equal(page.url(), `${gate.first_url}/admin/#users`);
  await page.goto(`${gate.second_url}/admin/#users`);
  assert.equal(page.url(), `${gate.second_url}/admin/#users`, 'no second prompt');
  await context.close();
});

/** Where an address of the gate leads somebody with these cookies; not followed. Only browsers look such names up. */
function leads(url, cookies = '') {
  const { host, port, pathname, search } = new URL(url);
  const headers = { host, cookie: cookies, accept: 'text/html', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
  return new Promise((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path: pathname + search, headers }, (answer) => {
      answer.resume();
      resolve(answer.headers.location);
    }).on('error', reject);
  });
}

test('a ticket in a link signs nobody in', async () => {
  const [victim, attacker] = [await chromium.newContext(), await chromium.newContext()];
  const page = await attacker.newPage();
  const ann = gate.user('ann');
  await page.goto(`${gate.portal_url}/.stepgate/login`);
  await signIn(page, 'ann', ann.password);
  const portal = (await attacker.cookies(gate.portal_url)).map((c) => `${c.name}=${c.value}`).join('; ');
  const away = await leads(`${gate.first_url}/.stepgate/login?to=%2Fpublic%2Fecho`);
  const ticket = await leads(away.replace('/login?', '/depart?'), portal);
  assert.match(ticket, /\/\.stepgate\/arrive\?ticket=sgt_/);
  const other = await victim.newPage();
  const answer = await other.goto(ticket);
  assert.equal(answer.status(), 403);
  assert.deepEqual((await victim.cookies()).filter((c) => c.name === '__Host-stepgate'), []);
  assert.deepEqual((await axe(other)).violations, []);
  await victim.close();
  await attacker.close();
});
