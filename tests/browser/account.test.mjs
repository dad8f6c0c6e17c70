// What people do with their account, without JavaScript: another password, sessions ended or kept, what happened, all that is
// held, backup codes, two-step sign-in turned off. And how these pages look, with the accent colour of the commented example.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browser, demo, gateway, nextCode, run, sendCode, signIn, submit } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

const example = readFileSync(path.join(path.dirname(fileURLToPath(import.meta.url)), '../../config/example.yaml'), 'utf8');
const ACCENT = example.match(/^ {2}accent: "(#[0-9a-f]{6})"/m)[1];

let sample;
let gate;
let chromium;
before(async () => {
  sample = await demo();
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db", password: { memory: 8MiB, iterations: 1 } }
portal: { name: "Example Ltd", accent: "${ACCENT}", support: "it-help@example.com" }
factors: { email_code: on, passkeys: off }
mail: { smtp: "smtp://127.0.0.1:9", starttls: off, from: "Example Ltd <no-reply@example.com>" }
apps:
  - host: localhost
    upstream: ${sample.app_url.replace(/\/$/, '')}
    rules: [ { name: light, path: /**, require: one_factor } ]
`, ['ann', 'eve', 'mia', 'leo'].map((name) => ({ name, password: `a long password of ${name}`, totp: true })));
  for (const name of ['ann', 'eve']) run(['user', 'set-address', name, '-c', gate.file, '--email', `${name}@example.com`, '--confirmed'], { stdio: 'ignore' });
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); await sample?.stop(); });

const secret = (name) => gate.people[name].totp_secret ?? gate.people[name].totp?.secret;
const main = (page) => page.textContent('main');
const press = (page, name) => submit(page, () => page.getByRole('button', { name }).first().click());
const visit = (page, name) => page.goto(`${gate.url}/.stepgate/${name}`);

/** A browser in which somebody is signed in by their password. */
async function enter(name, password = gate.people[name].password, javaScriptEnabled = false) {
  const page = await (await chromium.newContext({ javaScriptEnabled })).newPage();
  await page.goto(gate.url);
  await signIn(page, name, password);
  assert.equal(page.url(), `${gate.url}/`);
  return page;
}

async function isSignedIn(page) {
  await visit(page, 'account');
  return /Signed in as/.test(await main(page));
}

for (const [name, javaScript] of [['mia', false], ['leo', true]]) {
  test(`"This was not me" without risk ends what else is open (JavaScript ${javaScript})`, async () => {
    const [page, elsewhere] = [await enter(name, undefined, javaScript), await enter(name, undefined, javaScript)];
    await visit(page, 'activity');
    await submit(page, () => page.getByRole('link', { name: 'This was not me' }).click());
    if (javaScript) await inspectAll(page, `not-me-${name}`);
    assert.ok(await isSignedIn(elsewhere), 'a link ends nothing');
    await press(page, 'This was not me');
    if (javaScript) await inspectAll(page, `not-me-done-${name}`);
    assert.match(await main(page), /1 other session ended.*no use any more.*Change your password/s);
    assert.ok(!await isSignedIn(elsewhere));
    await submit(page, () => page.getByRole('link', { name: 'Change your password' }).click());
    // Another password asks a fresh second factor first.
    assert.match(page.url(), /\/\.stepgate\/step-up\?then=password$/);
    await Promise.all([page.context().close(), elsewhere.context().close()]);
  });
}

test('password, sessions, activity, export, backup codes, turning off', async () => {
  const [page, elsewhere] = [await enter('ann'), await enter('ann')];
  await visit(page, 'account');
  await submit(page, () => page.getByRole('link', { name: 'Change your password' }).click());
  await sendCode(page, await nextCode(secret('ann')));
  await page.fill('#new-password', 'short');
  await page.getByLabel(/Stay signed in/).check();
  await press(page, 'Change the password');
  assert.match(await main(page), /There is a problem/);
  assert.ok(await page.getByLabel(/Stay signed in/).isChecked(), 'the box is as it was left');
  await page.fill('#new-password', 'nine lanterns under snow');
  await press(page, 'Change the password');
  assert.ok(await isSignedIn(elsewhere), 'they wished to stay');

  await visit(page, 'sessions');
  assert.equal(await page.locator('.card').count(), 2);
  await press(page, 'End all other sessions');
  assert.ok(!await isSignedIn(elsewhere) && await isSignedIn(page));
  await visit(page, 'password');
  assert.equal(await page.getByLabel(/Stay signed in/).count(), 0, 'nowhere else');

  await visit(page, 'activity');
  assert.match(await main(page), /password/i);
  await visit(page, 'export');
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', { name: 'Download' }).click()]);
  const held = JSON.parse(readFileSync(await download.path(), 'utf8'));
  assert.equal(held.version, 1);
  assert.ok(!JSON.stringify(held).includes(secret('ann')), 'secrets are named, not shown');

  await visit(page, 'addresses');
  const card = page.locator('.card').first();
  await card.locator('summary').click();
  await card.getByLabel('Name').fill('');
  await press(page, 'Rename');
  assert.match(await main(page), /Enter a name/);
  await page.fill('#name', 'Work');
  await press(page, 'Rename');
  assert.match(await card.textContent(), /^\s*Work\s+ann@example\.com/);
  await visit(page, 'account');
  await card.locator('summary').click();
  await card.getByLabel('Name').fill('Old phone');
  await press(page, 'Rename');
  assert.match(await card.textContent(), /^\s*Old phone\s+Authenticator app/);

  await visit(page, 'backup-codes');
  await press(page, 'Make');
  assert.equal((await page.locator('pre.codes').textContent()).trim().split(/\s+/).length, 10);

  await visit(page, 'turn-off');
  await page.fill('#password', 'wrong');
  await press(page, 'Turn it off');
  assert.match(await main(page), /not correct/);
  await page.fill('#password', 'nine lanterns under snow');
  await press(page, 'Turn it off');
  assert.match(await main(page), /Delete the entry/);
  await visit(page, 'turn-off');
  assert.match(await main(page), /There is nothing to turn off/);
  const again = await enter('ann', 'nine lanterns under snow');
  await visit(again, 'account');
  assert.match(await main(again), /Set up an authenticator app/);
});

test('how the pages look', async () => {
  await enter('eve');
  const page = await enter('eve', undefined, true);
  await visit(page, 'password');
  await sendCode(page, await nextCode(secret('eve')));
  await press(page, 'Change the password');
  await inspectAll(page, 'account-password-wrong');
  for (const name of ['sessions', 'activity', 'addresses', 'export', 'turn-off', 'delete']) {
    await visit(page, name);
    assert.match(page.url(), new RegExp(`/${name}$`));
    await inspectAll(page, `account-${name}`);
  }
  await page.goto(`${gate.url}/.stepgate/enroll?as=session`);
  await inspectAll(page, 'account-enroll');
});
