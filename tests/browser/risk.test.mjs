// Who is recognised at home is asked for a second step from elsewhere, in the same session, and told why in one sentence.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { browser, demo, nextCode, sendCode, signIn } from './harness.mjs';

let sample;
let chromium;
before(async () => { sample = await demo(); chromium = await browser(); });
after(async () => { await chromium?.close(); await sample?.stop(); });

test('ann opens /risky/ at home by her password; the same session abroad is asked for more, and opens after it', async () => {
  const page = await (await chromium.newContext({ javaScriptEnabled: false })).newPage();
  const ann = sample.user('ann');
  await page.goto(`${sample.url}/risky/`);
  await signIn(page, 'ann', ann.password);
  assert.equal(page.url(), `${sample.url}/risky/`);
  assert.match(await page.textContent('main'), /A password is enough here/);

  // Cookies know no ports: the second address gets the same session.
  await page.goto(`${sample.elsewhere_url}/risky/#row`);
  assert.match(page.url(), /^http:\/\/localhost:\d+\/\.stepgate\/step-up\?to=%2Frisky%2F/);
  const text = await page.textContent('main');
  assert.match(text, /We do not recognise this network or device/);
  assert.doesNotMatch(text, /203\.0\.113|BR|score|medium|high/, 'the rest is not for this page');
  await sendCode(page, await nextCode(ann.totp_secret));
  assert.equal(page.url(), `${sample.elsewhere_url}/risky/#row`, 'the fragment is kept');
  assert.match(await page.textContent('main'), /A password is enough here/);
});
