// htmx, in both versions that are in use, is led to our page by the 401 and comes back to where it asked.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { browser, fields, gateway, nextCode, sendCode, signIn } from './harness.mjs';

const script = (name) => readFileSync(new URL(`./node_modules/${name}/dist/htmx.min.js`, import.meta.url));
const VERSIONS = { 2: script('htmx2'), 4: script('htmx.org') };

let app;
let gate;
let chromium;
before(async () => {
  const server = http.createServer((request, response) => {
    const { pathname } = new URL(request.url, 'http://app');
    const [, version] = pathname.match(/^\/htmx(\d)\.js$/) ?? [];
    if (version) return response.setHeader('content-type', 'text/javascript').end(VERSIONS[version]);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    const page = pathname.match(/^\/page(\d)$/);
    if (!page) return response.end('<p id="row">Saved</p>');
    response.end(`<!doctype html><title>Table</title><script src="/htmx${page[1]}.js"></script>
      <p id="row">Row</p><button hx-post="/save/row?n=1" hx-target="#row" hx-swap="outerHTML">Save</button>`);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  app = server;
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
apps:
  - host: localhost
    upstream: http://127.0.0.1:${server.address().port}
    dialects: [htmx, jsf]
    rules:
      - { name: save, path: /save/**, require: two_factor }
      - { name: all, path: /**, require: one_factor }
`, [{ name: 'root', password: 'correct horse battery', totp: true }]);
  chromium = await browser();
});
after(async () => { await chromium?.close(); await gate?.stop(); app?.close(); });

for (const version of [2, 4]) {
  test(`htmx ${version} goes where HX-Redirect says, and comes back to its page with the fragment`, async () => {
    const { password, totp_secret: secret, totp } = gate.people.root;
    const page = await (await chromium.newContext()).newPage();
    const here = `${gate.url}/page${version}?a=b#there`;
    await page.goto(here);
    await signIn(page, 'root', password);
    assert.equal(page.url(), here);
    const [answer] = await Promise.all([page.waitForResponse((one) => one.url().includes('/save/')), page.waitForNavigation(), page.click('button')]);
    assert.equal(answer.status(), 401);
    assert.equal(answer.request().headers()['hx-request'], 'true');
    assert.match(page.url(), /\/\.stepgate\/step-up\?to=%2Fsave%2Frow%3Fn%3D1&around=/);
    await page.waitForSelector(fields.code);
    await sendCode(page, await nextCode(secret ?? totp.secret));
    assert.equal(page.url(), here);
    await page.click('button');
    await page.waitForSelector('text=Saved');
    assert.equal(page.url(), here, 'the part is changed, the page stays');
  });
}

test('a Faces view is led by a partial response as its library reads it', async () => {
  const page = await (await chromium.newContext()).newPage();
  await page.goto(`${gate.url}/page4`);
  await signIn(page, 'root', gate.people.root.password);
  // What jsf.js does with such an answer: the first child of the root tells.
  const read = await page.evaluate(() => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open('POST', '/save/view?a=b&c=d');
    request.setRequestHeader('Faces-Request', 'partial/ajax');
    request.setRequestHeader('Content-Type', 'application/x-www-form-urlencoded');
    request.onload = () => {
      const first = request.responseXML.getElementsByTagName('partial-response')[0].firstChild;
      resolve([request.status, first.nodeName, first.getAttribute('url')]);
    };
    request.send('javax.faces.partial.ajax=true');
  }));
  assert.deepEqual(read, [200, 'redirect', '/.stepgate/step-up?to=%2Fsave%2Fview%3Fa%3Db%26c%3Dd&around=%2Fpage4&for=POST']);
  await page.goto(new URL(read[2], gate.url).href);
  assert.ok(await page.isVisible(fields.code));
});
