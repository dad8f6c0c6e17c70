// Every page about passkeys: axe-core without a finding, no sideways scroll, in light and dark, narrow and wide, with and
// without an accent colour.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { authenticator, browser, demo, gateway, nextCode, sendCode, signIn, submit } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

const example = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), '../../config/example.yaml'), 'utf8');
const ACCENT = example.match(/^ {2}accent: "(#[0-9a-f]{6})"/m)[1];
const PASSWORD = 'correct horse battery';

let sample;
let chromium;
before(async () => { sample = await demo(); chromium = await browser(); });
after(async () => { await chromium?.close(); await sample?.stop(); });

for (const [look, portal] of [['plain', ''], ['accent', `portal: { name: "Example Ltd", accent: "${ACCENT}", support: "it-help@example.com" }`]]) {
  describe(look, () => {
    let gate;
    before(async () => {
      gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db", password: { memory: 8MiB, iterations: 1 } }
factors: { passkeys: { upgrade: on } }
${portal}
apps:
  - host: localhost
    upstream: ${sample.app_url.replace(/\/$/, '')}
    rules: [ { name: light, path: /light/**, require: one_factor }, { name: all, path: /**, require: two_factor } ]
`, ['ann', 'bob', 'eve'].map((name) => ({ name, password: PASSWORD, totp: name === 'ann' })));
    });
    after(() => gate?.stop());

    /** What the dialog of the browser ends with, as the script tells it. */
    const outcome = (page, error) => submit(page, () => page.evaluate((name) => {
      const form = document.querySelector('[data-webauthn] form');
      form.elements.webauthn_error.value = name;
      form.submit();
    }, error));

    test('sign-in', async () => {
      const page = await (await chromium.newContext()).newPage();
      await page.goto(`${gate.url}/form?a=1`);
      await inspectAll(page, `passkeys-${look}-login`);
      await outcome(page, 'NotAllowedError');
      await inspectAll(page, `passkeys-${look}-login-cancelled`);
      await page.context().close();
    });

    test('set-up, account, second step', async () => {
      const page = await (await chromium.newContext()).newPage();
      const key = await authenticator(page, 'synced');
      const secret = gate.people.ann.totp?.secret ?? gate.people.ann.totp_secret;
      await page.goto(gate.url);
      await signIn(page, 'ann', PASSWORD);
      await sendCode(page, await nextCode(secret));
      await page.goto(`${gate.url}/.stepgate/account`);
      await inspectAll(page, `passkeys-${look}-account-none`);
      await submit(page, () => page.getByRole('link', { name: 'Add a passkey or security key' }).click());
      await inspectAll(page, `passkeys-${look}-create`);
      await outcome(page, 'InvalidStateError');
      await inspectAll(page, `passkeys-${look}-create-twice`);
      await submit(page, () => page.getByRole('button', { name: 'Set up a passkey' }).click());
      // The first one came with backup codes; a second one does not.
      await page.goto(`${gate.url}/.stepgate/passkey?as=session`);
      await key.forget();
      await submit(page, () => page.getByRole('button', { name: 'Set up a passkey' }).click());
      assert.match(await page.textContent('main'), /It is called/);
      await inspectAll(page, `passkeys-${look}-saved`);
      await page.goto(`${gate.url}/.stepgate/account`);
      await page.locator('.card summary').first().click();
      await inspectAll(page, `passkeys-${look}-account`);
      await page.locator('.card input[name=name]').first().fill('');
      await submit(page, () => page.getByRole('button', { name: 'Rename' }).first().click());
      await inspectAll(page, `passkeys-${look}-account-rename`);
      await page.context().clearCookies();
      await key.touched(false);
      await page.goto(gate.url);
      await signIn(page, 'ann', PASSWORD);
      await inspectAll(page, `passkeys-${look}-second-factor`);
      await outcome(page, 'NotAllowedError');
      await inspectAll(page, `passkeys-${look}-second-factor-cancelled`);
      await page.context().close();
    });

    test('enrolment in a sign-in', async () => {
      const page = await (await chromium.newContext()).newPage();
      await authenticator(page);
      await page.goto(gate.url);
      await signIn(page, 'bob', PASSWORD);
      await inspectAll(page, `passkeys-${look}-enroll`);
      await submit(page, () => page.getByRole('button', { name: 'Set up a passkey or security key instead' }).click());
      await inspectAll(page, `passkeys-${look}-enroll-passkey`);
      await submit(page, () => page.getByRole('button', { name: 'Set up a passkey' }).click());
      await inspectAll(page, `passkeys-${look}-codes`);
      await page.context().close();
    });

    test('the page on which the browser makes one by itself', async () => {
      const page = await (await chromium.newContext()).newPage();
      // The page stays as long as the browser does not say what it can do.
      await page.addInitScript(() => { PublicKeyCredential.getClientCapabilities = () => new Promise(() => {}); });
      await page.goto(`${gate.url}/light/`);
      await signIn(page, 'eve', PASSWORD);
      assert.match(await page.textContent('main'), /may keep a passkey now/);
      await inspectAll(page, `passkeys-${look}-upgrade`);
      await page.context().close();
    });
  });
}
