// What must hold of every page, however one looks at it; leaves a screenshot for people to look at.
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { axe } from './harness.mjs';

const shots = path.join(path.dirname(fileURLToPath(import.meta.url)), 'screenshots');
mkdirSync(shots, { recursive: true });

/** axe-core finds nothing, nothing scrolls sideways, targets are large enough, the keyboard reaches all of it. */
export async function inspect(page, name, scheme, width) {
  const told = await axe(page);
  assert.deepEqual(told.violations, [], `${name} ${scheme} ${width}: ${page.url()}`);
  assert.ok(told.passes >= 10, `${name}: axe really ran (${told.passes} passes)`);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(overflow <= 0, `${name} scrolls sideways by ${overflow} px at ${width}`);
  const small = await page.evaluate(() => [...document.querySelectorAll('button, input:not([type=hidden]), summary')]
    .map((e) => [e.outerHTML.slice(0, 60), e.getBoundingClientRect()]).filter(([, r]) => r.width > 0 && (r.height < 24 || r.width < 24)).map(([h]) => h));
  assert.deepEqual(small, [], `${name}: targets of at least 24 px`);
  await byKeyboard(page, name);
  await page.screenshot({ path: path.join(shots, `${name}-${scheme}-${width}.png`), fullPage: true });
}

/** Tab visits everything that can be used, in the order of the page, and one sees where one is. */
async function byKeyboard(page, name) {
  const count = await page.evaluate(() => {
    const all = [...document.querySelectorAll('a[href], button, input:not([type=hidden]), summary, iframe, [tabindex="0"]')].filter((e) => e.checkVisibility());
    all.forEach((e, i) => { e.dataset.nth = i; });
    return all.length;
  });
  const visited = [];
  for (let i = 0; i < count + 2; i += 1) {
    await page.keyboard.press('Tab');
    const at = await page.evaluate(() => {
      const e = document.activeElement;
      const { outlineStyle, outlineWidth } = getComputedStyle(e);
      return { nth: e.dataset.nth, seen: e.tagName === 'IFRAME' || (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) >= 2), html: e.outerHTML.slice(0, 80) };
    });
    if (at.nth === undefined) continue; // around the end, by way of the window itself
    assert.ok(at.seen, `${name}: the focus is not seen on ${at.html}`);
    visited.push(Number(at.nth));
  }
  assert.equal(new Set(visited).size, count, `${name}: Tab reaches ${visited} of ${count}`);
  visited.slice(1).forEach((nth, i) => assert.equal(nth, (visited[i] + 1) % count, `${name}: Tab goes ${visited}`));
}

/** The same page in light and dark, at 320 and 1280 px. */
export async function inspectAll(page, name) {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of [320, 1280]) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 720 });
      await inspect(page, name, colorScheme, width);
    }
  }
}
