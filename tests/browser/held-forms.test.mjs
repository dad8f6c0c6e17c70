// A form that meets a sign-in or a step-up reaches the app once, byte for byte, with and without JavaScript.
import assert from 'node:assert/strict';
import http from 'node:http';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { axe, browser, fields, gateway, nextCode, sendCode, signIn, submit } from './harness.mjs';

const FILE = Buffer.from(Array.from({ length: 5000 }, (_, n) => (n * 7) % 256));
const FORM = `<!doctype html><title>Form</title>
<form id="fields" method="post" action="/save/fields?a=b%20c"><textarea name="text"></textarea><button>Send</button></form>
<form id="files" method="post" action="/save/files" enctype="multipart/form-data">
<input name="text" value="é &amp; &lt;b&gt;"><input type="file" name="file"><button>Send</button></form>
<form id="away" method="post" action="/save/away"><input name="a" value="b"><button>Send</button></form>
<form id="large" method="post" action="/save/large"><textarea name="text"></textarea><button>Send</button></form>`;

let app;
let gate;
let wire;
let chromium;
/** What the app got: target, type and body of each form. */
const got = [];

/** An app with forms; what is saved needs a second step. */
async function startApp() {
  const server = http.createServer((request, response) => {
    const pieces = [];
    request.on('data', (piece) => pieces.push(piece)).on('end', () => {
      const html = (text) => response.setHeader('content-type', 'text/html; charset=utf-8').end(text);
      if (request.method !== 'POST') return html(request.url.endsWith('/form') ? FORM : '<!doctype html><title>Done</title><h1>Done</h1>');
      got.push({ target: request.url, headers: request.headers, body: Buffer.concat(pieces) });
      if (request.url !== '/save/away') return html('<!doctype html><title>Saved</title><h1>Saved</h1>');
      response.writeHead(303, { location: `http://127.0.0.1:${server.address().port}/done` }).end();
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { url: `http://127.0.0.1:${server.address().port}`, stop: () => server.close() };
}

/** Passes bytes on to a port, and keeps what the browser said. */
async function startWire(port) {
  let said = Buffer.alloc(0);
  const server = net.createServer((client) => {
    const gateway = net.connect(port, '127.0.0.1');
    client.on('data', (piece) => { said = Buffer.concat([said, piece]); });
    client.pipe(gateway).pipe(client);
    client.on('error', () => gateway.destroy());
    gateway.on('error', () => client.destroy());
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  return { url: `http://localhost:${server.address().port}`, said: () => said, stop: () => server.close() };
}

before(async () => {
  app = await startApp();
  gate = await gateway(({ port, admin, folder }) => `
listen: { plain: ["127.0.0.1:${port}"], admin: "127.0.0.1:${admin}" }
users: { database: "sqlite://${folder}/stepgate.db" }
apps:
  - host: localhost
    upstream: ${app.url}
    rewrite: off
    identity: { headers: { user: Remote-User } }
    rules:
      - { name: open, path: /public/**, access: public }
      - { name: save, path: /save/**, require: two_factor }
      - { name: all, path: /**, require: one_factor }
`, ['ann', 'bob', 'carl', 'dora', 'eve', 'fay', 'gus', 'hal'].map((name) => ({ name, password: 'correct horse battery', totp: true })));
  wire = await startWire(Number(new URL(gate.url).port));
  chromium = await browser();
});
after(async () => { await chromium?.close(); wire?.stop(); await gate?.stop(); app?.stop(); });

const code = (name) => nextCode(gate.people[name].totp_secret ?? gate.people[name].totp?.secret);

/** Somebody who signed in with a password alone and fills a form in. */
async function filled(name, javaScriptEnabled, form) {
  const page = await (await chromium.newContext({ javaScriptEnabled })).newPage();
  await page.goto(`${wire.url}/form`);
  await signIn(page, name, gate.people[name].password);
  assert.equal(page.url(), `${wire.url}/form`);
  if (form === 'fields') await page.fill('#fields textarea', 'line one\nline two & é');
  if (form === 'files') await page.setInputFiles('#files input[type=file]', { name: 'ö.bin', mimeType: 'application/x-test', buffer: FILE });
  await submit(page, () => page.click(`#${form} button`));
  return page;
}

const bodies = (target) => got.filter((one) => one.target === target);

for (const [form, target, javaScriptEnabled, name] of [
  ['fields', '/save/fields?a=b%20c', false, 'ann'],
  ['files', '/save/files', false, 'bob'],
  ['fields', '/save/fields?a=b%20c', true, 'carl'],
  ['files', '/save/files', true, 'dora'],
]) {
  test(`${form} arrive byte for byte, JavaScript ${javaScriptEnabled ? 'on' : 'off'}`, async () => {
    const before = bodies(target).length;
    const page = await filled(name, javaScriptEnabled, form);
    assert.match(page.url(), /\/\.stepgate\/step-up\?.*&form=sgf_/);
    assert.equal(bodies(target).length, before, 'nothing was sent yet');
    await page.fill(fields.code, await code(name));
    await page.press(fields.code, 'Enter');
    if (javaScriptEnabled) {
      // It was a moment ago: the page sends it by itself.
      await page.waitForURL(`${wire.url}${target}`);
    } else {
      await page.waitForURL(/\/\.stepgate\/form\?/);
      const text = await page.textContent('main');
      assert.match(text, /Your form was kept/);
      assert.match(text, /\/save\/f/);
      assert.equal(text.includes('with files'), form === 'files');
      await submit(page, () => page.click('text=Send it now'));
      assert.equal(page.url(), `${wire.url}${target}`);
    }
    assert.equal(await page.textContent('h1'), 'Saved');
    const all = bodies(target);
    assert.equal(all.length, before + 1);
    const { body, headers } = all.at(-1);
    assert.ok(wire.said().includes(body), 'what the app got is what the browser sent');
    assert.equal(headers.origin, wire.url);
    assert.equal(headers.referer, `${wire.url}/form`);
    assert.equal(headers['remote-user'], name);
    if (form === 'fields') {
      assert.equal(headers['content-type'], 'application/x-www-form-urlencoded');
      assert.equal(new URLSearchParams(body.toString()).get('text'), 'line one\r\nline two & é');
    } else {
      const boundary = /boundary=(.+)$/.exec(headers['content-type'])[1];
      assert.ok(body.includes(FILE) && body.includes(`--${boundary}--`));
    }
    // Back is no second sending.
    await page.goBack();
    await page.waitForLoadState();
    assert.equal(bodies(target).length, before + 1);
  });
}

test('a form of somebody who is not signed in waits for the sign-in, and leads wherever the app leads', async () => {
  const page = await (await chromium.newContext()).newPage();
  // The page would else be gone before it is looked at.
  await page.route('**/assets/*.js', (route) => route.abort());
  await page.goto(`${wire.url}/public/form`);
  await submit(page, () => page.click('#away button'));
  assert.match(page.url(), /\/\.stepgate\/login\?/);
  await signIn(page, 'eve', gate.people.eve.password);
  await sendCode(page, await code('eve'));
  assert.match(page.url(), /\/\.stepgate\/form\?/);
  assert.deepEqual((await axe(page)).violations, []);
  await submit(page, () => page.click('text=Send it now'));
  assert.equal(page.url(), `${app.url}/done`, 'on another origin, at the end of the redirects');
  assert.equal(bodies('/save/away').length, 1);
});

test('a form that is discarded is never sent', async () => {
  const page = await filled('fay', false, 'fields');
  const before = bodies('/save/fields?a=b%20c').length;
  await sendCode(page, await code('fay'));
  await submit(page, () => page.click('text=Discard it'));
  assert.match(await page.textContent('main'), /Your form was discarded/);
  await page.goBack();
  await page.reload();
  assert.match(await page.textContent('main'), /not waiting any more/);
  assert.equal(bodies('/save/fields?a=b%20c').length, before);
});

test('a form that is too large is told so before the sign-in', async () => {
  const page = await (await chromium.newContext()).newPage();
  await page.goto(`${wire.url}/public/form`);
  await page.evaluate(() => { document.querySelector('#large textarea').value = 'x'.repeat(300 * 1024); });
  await submit(page, () => page.click('#large button'));
  const text = await page.textContent('main');
  assert.match(text, /Your form was not sent/);
  assert.match(text, /larger than 256 KiB/);
  assert.equal(bodies('/save/large').length, 0);
});

test('a form of another site is not kept', async () => {
  const page = await (await chromium.newContext()).newPage();
  await page.goto(`${wire.url}/form`);
  await signIn(page, 'gus', gate.people.gus.password);
  // 127.0.0.1 is another site than localhost: the session cookie stays away, and what was kept would be sent with it.
  await page.goto(`${app.url}/form`);
  await page.evaluate((action) => { document.querySelector('#away').action = action; }, `${wire.url}/save/away`);
  const before = bodies('/save/away').length;
  await submit(page, () => page.click('#away button'));
  assert.match(await page.textContent('main'), /came from another site/);
  assert.equal(bodies('/save/away').length, before);
  assert.ok((await page.context().cookies()).every((cookie) => cookie.name !== '__Host-stepgate-held'));
});
