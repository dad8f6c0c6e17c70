// Every page a person can meet: axe-core without a finding, no sideways scroll, small, in light and dark, narrow and wide.
import assert from 'node:assert/strict';
import { gzipSync } from 'node:zlib';
import { after, before, describe, test } from 'node:test';
import { browser, demo, nextCode, sendCode, signIn } from './harness.mjs';
import { inspect } from './inspect.mjs';

let gate;
let chromium;
let storageState; // ann, signed in once: codes are one-time, and the sweep visits each page four times
before(async () => {
  gate = await demo();
  chromium = await browser();
  const page = await (await chromium.newContext()).newPage();
  const ann = gate.user('ann');
  await page.goto(`${gate.url}/`);
  await signIn(page, ann.username, ann.password);
  await sendCode(page, await nextCode(ann.totp_secret));
  assert.equal(page.url(), `${gate.url}/`);
  storageState = await page.context().storageState();
  await page.context().close();
});
after(async () => { await chromium?.close(); await gate?.stop(); });

// name → how to get there on a page of a fresh context
const PAGES = {
  login: (page) => page.goto(`${gate.url}/deep/link?x=1`),
  'login-error': async (page) => { await page.goto(gate.url); await signIn(page, 'ann', 'wrong'); },
  'second-factor': async (page) => { await page.goto(gate.url); await signIn(page, 'root', gate.user('root').password); },
  'second-factor-error': async (page) => {
    await page.goto(gate.url);
    await signIn(page, 'root', gate.user('root').password);
    await sendCode(page, '12345');
  },
  enroll: async (page) => { await page.goto(gate.url); await signIn(page, 'bob', gate.user('bob').password); },
  logout: (page) => page.goto(`${gate.url}/.stepgate/logout`),
  'signed-out': (page) => page.goto(`${gate.url}/.stepgate/signed-out`),
  'mid-flow': (page) => page.goto(`${gate.url}/.stepgate/second-factor`),
  'not-found': (page) => page.goto(`${gate.url}/.stepgate/nothing-here`),
  'bad-request': (page) => page.goto(`${gate.url}/a%2fb`),
};

// Pages behind a sign-in.
const INSIDE = {
  denied: (page) => page.goto(`${gate.url}/admin/`),
  account: (page) => page.goto(`${gate.url}/.stepgate/account`),
  'logout-signed-in': (page) => page.goto(`${gate.url}/.stepgate/logout`),
};

for (const colorScheme of ['light', 'dark']) {
  for (const width of [320, 1280]) {
    describe(`${colorScheme} ${width}`, () => {
      const context = () => chromium.newContext({ colorScheme, viewport: { width, height: 720 } });
      for (const [name, visit] of Object.entries(PAGES)) {
        test(name, async () => {
          const page = await (await context()).newPage();
          await visit(page);
          await inspect(page, name, colorScheme, width);
          await page.context().close();
        });
      }
      for (const [name, visit] of Object.entries(INSIDE)) {
        test(`${name} (signed in)`, async () => {
          const page = await (await chromium.newContext({ colorScheme, viewport: { width, height: 720 }, storageState })).newPage();
          await visit(page);
          await inspect(page, name, colorScheme, width);
          await page.context().close();
        });
      }
    });
  }
}

test('the sign-in page and all it loads stay under 14 kB compressed, four requests, one host, no inline script', async () => {
  const page = await (await chromium.newContext()).newPage();
  const loaded = [];
  page.on('response', (response) => loaded.push(response));
  await page.goto(`${gate.url}/`);
  await page.waitForLoadState('networkidle');
  const bodies = await Promise.all(loaded.filter((r) => r.status() === 200).map((r) => r.body()));
  const bytes = bodies.reduce((sum, body) => sum + gzipSync(body).length, 0);
  assert.ok(bytes <= 14_000, `${bytes} bytes`);
  assert.ok(bodies.length <= 4, `${bodies.length} requests`);
  assert.ok(loaded.every((r) => r.url().startsWith(gate.url)));
  const scripts = await page.$$eval('script', (all) => all.map((s) => [s.getAttribute('src'), s.textContent]));
  assert.match(scripts.join(), /^\/\.stepgate\/assets\/stepgate\.[0-9a-f]{16}\.js,$/);
});

test('the sign-in works by keyboard alone, in reading order', async () => {
  const page = await (await chromium.newContext()).newPage();
  await page.goto(`${gate.url}/`);
  const order = [];
  for (let i = 0; i < 8; i += 1) {
    await page.keyboard.press('Tab');
    order.push(await page.evaluate(() => document.activeElement?.getAttribute('name') ?? document.activeElement?.textContent?.trim() ?? ''));
  }
  const [name, password] = [order.indexOf('username'), order.indexOf('password')];
  assert.ok(name >= 0 && password > name, order.join(' → '));
});

test('the policy of our pages lets nothing in: no inline script runs, no frame may hold them', async () => {
  const response = await fetch(`${gate.url}/.stepgate/login`);
  const csp = response.headers.get('content-security-policy');
  for (const part of ["default-src 'none'", "base-uri 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"]) assert.ok(csp.includes(part), csp);
  assert.equal(csp.includes('unsafe'), false);
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
});
