// Makes docs/pages.png, the picture of the pages in the README: the sign-in page in the light scheme, the second step in
// the dark one, as the built binary serves them. Run: STEPGATE=target/debug/stepgate node tests/browser/picture.mjs
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { browser, demo, signIn } from './harness.mjs';

const out = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../docs/pages.png');
const gate = await demo();
const chromium = await browser();
/** The card of a page in one scheme, without what changes with every run. */
async function shot(colorScheme, visit) {
  const page = await (await chromium.newContext({ colorScheme, viewport: { width: 640, height: 560 } })).newPage();
  await page.goto(`${gate.url}/form`);
  await visit(page);
  await page.evaluate((port) => {
    document.activeElement?.blur();
    document.querySelector('footer')?.remove();
    for (const place of document.querySelectorAll('.place')) place.textContent = place.textContent.replace(`localhost:${port}`, 'erp.example.com');
  }, new URL(gate.url).port);
  return page.locator('body').screenshot();
}
const pages = [
  await shot('light', async (page) => { await page.fill('#username', 'ann'); await page.fill('#password', 'a long password'); }),
  await shot('dark', (page) => signIn(page, 'ann', gate.user('ann').password)),
];
const sheet = await chromium.newPage({ viewport: { width: 928, height: 400 } });
const images = pages.map((png) => `<img width="440" src="data:image/png;base64,${png.toString('base64')}">`).join('');
await sheet.setContent(`<!doctype html><body style="margin:0;padding:16px;display:flex;gap:16px;align-items:flex-start;background:#c9cfd8">${images}`);
const picture = await sheet.screenshot({ fullPage: true });
if (picture.length > 80_000) throw new Error(`${picture.length} bytes: too large for a README`);
writeFileSync(out, picture);
await chromium.close();
await gate.stop();
