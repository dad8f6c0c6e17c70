// An account's whole life in the demo, whose letters lie in its outbox: made with the code of a letter, given a second factor,
// which is lost, recovered by a backup code, told of by letters, and deleted. Once with a passkey; once with JavaScript off.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { authenticator, browser, demo, nextCode, sendCode, signIn, submit, until } from './harness.mjs';
import { inspectAll } from './inspect.mjs';

const [FIRST, SECOND] = ['a kettle of seven otters', 'nine lanterns under snow'];

let gate;
let chromium;
before(async () => {
  gate = await demo();
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); });

const letters = async (to) => (await (await fetch(gate.outbox_url)).json()).filter((letter) => letter.to === to);

/** What `pattern` finds in the newest letter to somebody whose subject or text it matches. */
async function find(to, pattern) {
  let found;
  await until(async () => {
    found = (await letters(to)).map((letter) => letter.text.match(pattern)).filter(Boolean).at(-1);
    return found;
  }, () => `no letter to ${to} has ${pattern}`);
  return found.at(-1);
}

const link = (to, page) => find(to, new RegExp(`(http\\S*/\\.stepgate/${page}\\?token=\\S+)`));
const press = (page, name) => submit(page, () => page.getByRole('button', { name }).click());
const main = (page) => page.textContent('main');
const backupCodes = async (page) => (await page.locator('pre.codes').textContent()).trim().split(/\s+/);

/** Makes an account with the code of the letter, and comes as far as the second factor. */
async function signUp(page, name) {
  await page.goto(`${gate.url}/`);
  await page.getByRole('link', { name: 'Make an account' }).click();
  await page.fill('#email', `${name}@example.com`);
  await page.fill('#username', name);
  await page.fill('#password', FIRST);
  await page.check('#enable_mfa');
  await press(page, 'Send the letter');
  assert.equal(await page.locator('#password').count(), 0, 'the browser that began is not asked again');
  await page.fill('#code', await find(`${name}@example.com`, /\b(\d{6})\b/));
  await press(page, 'Make the account');
}

/** The key of the app that a page sets up. */
async function appOf(page) {
  return (await page.locator('code.key').textContent()).replaceAll(/\s/g, '');
}

/** From the sign-in page to the one that sets a new password, by the letter and a backup code. */
async function recover(page, name, code) {
  await page.goto(`${gate.url}/.stepgate/login`);
  await page.locator('summary', { hasText: 'I cannot sign in' }).click();
  await page.getByRole('link', { name: 'Get back in by a letter' }).click();
  await page.fill('#username', name);
  await press(page, 'Send me a code');
  await page.goto(await link(`${name}@example.com`, 'recover'));
  await press(page, 'Continue');
  await page.fill('#code', code);
  await submit(page, () => page.press('#code', 'Enter'));
}

for (const javaScriptEnabled of [true, false]) {
  const name = javaScriptEnabled ? 'pia' : 'tom';

  test(`an account's life ${javaScriptEnabled ? 'with a passkey' : 'without JavaScript'}`, async () => {
    const context = await chromium.newContext({ javaScriptEnabled });
    const page = await context.newPage();
    const key = javaScriptEnabled ? await authenticator(page) : null;
    await signUp(page, name);
    if (key) {
      await press(page, 'Set up a passkey or security key instead');
      await press(page, 'Set up a passkey');
    } else {
      await sendCode(page, await nextCode(await appOf(page)));
    }
    const codes = await backupCodes(page);
    assert.equal(codes.length, 10);
    await press(page, 'I have saved');
    assert.equal(page.url(), `${gate.url}/`);

    // The device is gone, and with it what it was signed in by.
    await context.clearCookies();
    await key?.remove();
    await recover(page, name, codes[0]);
    const secret = await appOf(page);
    await page.fill('#password', SECOND);
    await page.fill('input[name=totp_code]', await nextCode(secret));
    await press(page, 'Save');
    const renewed = await backupCodes(page);
    assert.ok(renewed.length === 10 && !renewed.includes(codes[1]));
    await page.getByRole('link', { name: 'Sign in' }).click();
    await signIn(page, name, FIRST);
    assert.match(await main(page), /not correct/);
    await signIn(page, name, SECOND);
    if (key) await press(page, 'Use my authenticator app');
    await sendCode(page, await nextCode(secret));
    await page.goto(`${gate.url}/.stepgate/account`);
    if (key) {
      await page.locator('.card summary').first().click();
      await press(page, 'Delete this passkey');
      // Nobody can show it any more: a backup code stands in for it.
      await press(page, 'Use a backup code');
      await sendCode(page, renewed[0]);
      await press(page, 'Continue');
      await page.locator('.card summary').first().click();
      await press(page, 'Delete this passkey');
      assert.match(await main(page), /is deleted/);
    }

    const told = (await letters(`${name}@example.com`)).map((letter) => letter.subject.replace(/^.*?: /, '').replace(/ at \S+$/, ''));
    for (const subject of ['a backup code was used', 'your account was recovered']) assert.ok(told.includes(subject), told.join('; '));

    await page.getByRole('link', { name: 'Delete your account' }).click();
    await press(page, 'Mail me the link');
    await page.goto(await link(`${name}@example.com`, 'delete'));
    assert.match(await main(page), /for good/);
    await press(page, 'Delete the account');
    assert.match(await main(page), /is gone/);
    await page.goto(`${gate.url}/.stepgate/account`);
    await signIn(page, name, SECOND);
    assert.match(await main(page), /not correct/);
    await until(async () => (await letters(`${name}@example.com`)).some((letter) => letter.subject.includes('was deleted')), () => 'no letter tells of it');
    await context.close();
  });
}

test('the button of a letter signs everybody out', async () => {
  const context = await chromium.newContext({ javaScriptEnabled: false });
  const page = await context.newPage();
  await signUp(page, 'ivy');
  await sendCode(page, await nextCode(await appOf(page)));
  await press(page, 'I have saved');
  const elsewhere = await (await chromium.newContext()).newPage();
  await elsewhere.goto(await link('ivy@example.com', 'notice'));
  await elsewhere.reload();
  await inspectAll(elsewhere, 'notice');
  await page.goto(`${gate.url}/.stepgate/account`);
  assert.match(await main(page), /Signed in as ivy/, 'a link that is looked at ends nothing');
  await press(elsewhere, 'This was not me');
  assert.match(await main(elsewhere), /change your password/i);
  await inspectAll(elsewhere, 'notice-done');
  await page.goto(`${gate.url}/.stepgate/account`);
  assert.match(page.url(), /\/\.stepgate\/login/);
  await Promise.all([context.close(), elsewhere.context().close()]);
});
