// The main job in a real browser, on the demo: sign in, step up, enrol. Each with JavaScript on and off.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { browser, demo, fields, nextCode, sendCode, signIn, submit } from './harness.mjs';

let gate;
let chromium;
before(async () => { gate = await demo(); chromium = await browser(); });
after(async () => { await chromium?.close(); await gate?.stop(); });

for (const javaScriptEnabled of [true, false]) {
  describe(`JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, () => {
    const fresh = async () => (await chromium.newContext({ javaScriptEnabled })).newPage();

    test('ann signs in with password and code, and lands on the deep link, query and fragment kept', async () => {
      const page = await fresh();
      const ann = gate.user('ann');
      await page.goto(`${gate.url}/reports/2026?month=11&x=a%20b#totals`);
      assert.match(page.url(), /\/\.stepgate\/login\?/);
      assert.match(await page.textContent('main'), /reports\/2026/, 'says where the person will land');
      await signIn(page, ann.username, ann.password);
      assert.match(page.url(), /\/\.stepgate\/second-factor/);
      await sendCode(page, await nextCode(ann.totp_secret));
      assert.equal(page.url(), `${gate.url}/reports/2026?month=11&x=a%20b#totals`);
      await page.goto(gate.url);
      assert.match(await page.textContent('body'), /ann/);
      await page.context().close();
    });

    test('the app is told who it is, and never sees our cookies', async () => {
      const page = await fresh();
      const root = gate.user('root');
      await page.goto(`${gate.url}/echo`);
      await signIn(page, root.username, root.password);
      await sendCode(page, await nextCode(root.totp_secret));
      const told = JSON.parse(await page.evaluate(() => document.body.textContent));
      const header = (name) => told.headers.filter(([n]) => n.toLowerCase() === name).map(([, v]) => v);
      assert.deepEqual(header('remote-user'), ['root']);
      assert.deepEqual(header('remote-groups').map((g) => g.split(',').map((x) => x.trim()).sort()), [['admins', 'staff']]);
      assert.equal(header('cookie').join().includes('stepgate'), false);
      await page.goto(`${gate.url}/admin/`);
      assert.equal(page.url(), `${gate.url}/admin/`, 'root is an admin with two fresh factors');
      await page.context().close();
    });

    test('a wrong password keeps the name, clears the password, and says so once at the top', async () => {
      const page = await fresh();
      await page.goto(gate.url);
      await signIn(page, 'ann', 'not the password');
      assert.match(await page.title(), /^Error: /);
      assert.equal(await page.inputValue(fields.username), 'ann');
      assert.equal(await page.inputValue(fields.password), '');
      assert.match(await page.textContent('main'), /There is a problem/);
      const known = await page.textContent("main");
      await page.goto(gate.url);
      await signIn(page, 'nobody-of-that-name', 'not the password');
      assert.equal((await page.textContent('main')).replaceAll('nobody-of-that-name', 'ann'), known, 'unknown people are told the same');
      await page.context().close();
    });

    test('ann is refused at /admin/ on a page that says who, why and what to do', async () => {
      const page = await fresh();
      const ann = gate.user('ann');
      await page.goto(`${gate.url}/admin/`);
      await signIn(page, ann.username, ann.password);
      await sendCode(page, await nextCode(ann.totp_secret));
      const text = await page.textContent('main');
      assert.match(text, /ann/);
      assert.match(text, /admin/);
      assert.match(text, /admins/, 'names the group it is open to');
      assert.match(text, /[0-9A-HJKMNP-TV-Z]{26}/, 'carries the request id');
      await page.context().close();
    });
  });
}

test('bob enrols TOTP from the QR code with JavaScript off, gets ten backup codes, and one signs him in once', async () => {
  const context = await chromium.newContext({ javaScriptEnabled: false, deviceScaleFactor: 2 });
  const page = await context.newPage();
  const bob = gate.user('bob');
  await page.goto(`${gate.url}/form`);
  await signIn(page, bob.username, bob.password);
  assert.match(page.url(), /\/\.stepgate\/enroll/);

  const folder = mkdtempSync(path.join(tmpdir(), 'stepgate-qr-'));
  const picture = path.join(folder, 'qr.png');
  writeFileSync(picture, await page.locator('svg').first().screenshot());
  const uri = execFileSync('zbarimg', ['--quiet', '--raw', picture], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  assert.match(uri, /^otpauth:\/\/totp\//);
  const secret = new URL(uri).searchParams.get('secret');
  const html = await page.content();
  assert.ok(html.replaceAll(/\s/g, '').includes(secret), 'the secret is there for typing, grouped or not');

  const byOathtool = execFileSync('oathtool', ['--totp', '-b', secret], { encoding: 'utf8' }).trim();
  await sendCode(page, `${byOathtool.slice(0, 3)} ${byOathtool.slice(3)}`);
  const codes = (await page.textContent('main')).match(/\b[0-9a-zA-Z]{4}-[0-9a-zA-Z]{5}-[0-9a-zA-Z]{4}\b/g);
  assert.equal(codes?.length, 10);
  await page.goto(`${gate.url}/form`);
  assert.equal(page.url(), `${gate.url}/form`, 'signed in by having enrolled');
  await context.close();

  const useBackup = async () => {
    const other = await (await chromium.newContext({ javaScriptEnabled: false })).newPage();
    await other.goto(`${gate.url}/form`);
    await signIn(other, bob.username, bob.password);
    await submit(other, () => other.locator('button[name=way][value=backup_code]').click());
    await sendCode(other, codes[0]);
    if (/9 .*left|left.* 9/i.test(await other.textContent('main').catch(() => ''))) {
      await submit(other, () => other.locator('main form button, main a').first().click());
    }
    const landed = other.url();
    await other.context().close();
    return landed;
  };
  assert.equal(await useBackup(), `${gate.url}/form`);
  assert.notEqual(await useBackup(), `${gate.url}/form`, 'a backup code works once');
});

test('a code is refused the second time, in another browser', async () => {
  const ann = gate.user('ann');
  const code = await nextCode(ann.totp_secret);
  const attempt = async () => {
    const page = await (await chromium.newContext()).newPage();
    await page.goto(`${gate.url}/`);
    await signIn(page, ann.username, ann.password);
    await sendCode(page, code);
    const url = page.url();
    await page.context().close();
    return url;
  };
  assert.equal(await attempt(), `${gate.url}/`);
  assert.match(await attempt(), /\/\.stepgate\/second-factor/);
});

test('logging out ends the session; the back button shows nothing of the app', async () => {
  const page = await (await chromium.newContext()).newPage();
  const root = gate.user('root');
  await page.goto(gate.url);
  await signIn(page, root.username, root.password);
  await sendCode(page, await nextCode(root.totp_secret));
  assert.equal(page.url(), `${gate.url}/`);
  await page.goto(`${gate.url}/.stepgate/logout`);
  await submit(page, () => page.locator('form button').first().click());
  assert.match(await page.textContent('main'), /signed out/i);
  await page.goto(gate.url);
  assert.match(page.url(), /\/\.stepgate\/login/);
  await page.context().close();
});
