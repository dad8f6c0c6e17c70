// Starts the built binary and a real Chromium for the tests beside this file. Nothing here asserts.
import { spawn, execFileSync } from 'node:child_process';
import { createHmac } from 'node:crypto';
import dgram from 'node:dgram';
import { setDefaultResultOrder } from 'node:dns';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

// The gateways listen on 127.0.0.1; Node 18 tries one address alone, and ::1 comes first for localhost.
setDefaultResultOrder('ipv4first');

const here = path.dirname(fileURLToPath(import.meta.url));
const BINARY = process.env.STEPGATE ?? path.join(here, '../../target/debug/stepgate');
const CHROMIUM = process.env.CHROMIUM ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);
const AXE = readFileSync(path.join(here, 'node_modules/axe-core/axe.min.js'), 'utf8');

/** Starts `stepgate demo` and gives what it printed, with `stop()`. */
export async function demo() {
  const child = spawn(BINARY, ['demo', '--json', '--port', String(await freePort())], { stdio: ['ignore', 'pipe', 'pipe'] });
  let noise = '';
  child.stderr.on('data', (chunk) => { noise += chunk; });
  const line = await Promise.race([
    new Promise((resolve) => createInterface(child.stdout).once('line', resolve)),
    new Promise((_, reject) => child.once('exit', (code) => reject(new Error(`demo ended with ${code}: ${noise}`)))),
  ]);
  const told = JSON.parse(line);
  const user = (name) => told.users.find((u) => u.username === name);
  return { ...told, user, log: () => noise, stop: () => stop(child) };
}

/** Starts `stepgate run` on a config made for the ports given: `write({ port, admin, folder })` returns the YAML. */
export async function gateway(write, users) {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepgate-browser-'));
  const [port, admin] = [await freePort(), await freePort()];
  const file = path.join(folder, 'stepgate.yaml');
  writeFileSync(file, write({ port, admin, folder }));
  const people = {};
  for (const { name, password, groups = [], totp } of users) {
    const argv = ['user', 'add', name, '-c', file, '--password-stdin', '--json', ...groups.flatMap((g) => ['--group', g])];
    if (totp) argv.push('--totp');
    people[name] = { password, ...JSON.parse(execFileSync(BINARY, argv, { input: `${password}\n`, stdio: ['pipe', 'pipe', 'ignore'] })) };
  }
  const child = spawn(BINARY, ['run', '-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
  let noise = '';
  child.stderr.on('data', (chunk) => { noise += chunk; });
  await until(async () => (await fetch(`http://127.0.0.1:${admin}/readyz`).catch(() => null))?.ok, () => `not ready: ${noise}`);
  return {
    url: `http://localhost:${port}`, admin: `http://127.0.0.1:${admin}`, people, file, log: () => noise,
    stop: async () => { await stop(child); rmSync(folder, { recursive: true, force: true }); },
  };
}

/** Starts a Redis without persistence, with a count of the commands that it got. */
export async function redis() {
  const port = await freePort();
  const child = spawn('redis-server', ['--bind', '127.0.0.1', '--port', String(port), '--save', '', '--appendonly', 'no'], { stdio: 'ignore', cwd: tmpdir() });
  const say = (command) => new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.end(`${command}\r\n`));
    socket.on('data', (chunk) => { answer += chunk; }).once('close', () => resolve(answer)).once('error', reject);
  });
  await until(async () => (await say('PING').catch(() => '')).startsWith('+PONG'), () => 'redis-server does not start');
  const calls = async () => Object.fromEntries([...(await say('INFO commandstats')).matchAll(/^cmdstat_(\S+):calls=(\d+)/gm)].map(([, name, count]) => [name, Number(count)]));
  return { url: `redis://127.0.0.1:${port}/`, calls, stop: () => stop(child) };
}

const LAUNCH = {
  executablePath: CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync'],
};

/** A Chromium without anything of its own that would reach for the network. */
export function browser(...args) {
  return chromium.launch({ ...LAUNCH, args: [...LAUNCH.args, ...args] });
}

/** A Chromium whose owner has set it to keep no cookies at all. */
export async function cookieless() {
  const folder = mkdtempSync(path.join(tmpdir(), 'stepgate-cookieless-'));
  mkdirSync(path.join(folder, 'Default'));
  const preferences = { profile: { default_content_setting_values: { cookies: 2 } } };
  writeFileSync(path.join(folder, 'Default/Preferences'), JSON.stringify(preferences));
  const context = await chromium.launchPersistentContext(folder, LAUNCH);
  const close = async () => { await context.close(); rmSync(folder, { recursive: true, force: true, maxRetries: 5 }); };
  return { context, close };
}

/** What axe-core finds wrong on a page. Injected by the debugging protocol, so the page's own CSP stays on. */
export async function axe(page) {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: AXE });
  const { result, exceptionDetails } = await session.send('Runtime.evaluate', {
    expression: `axe.run(document, { runOnly: ['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice'] })
      .then((r) => JSON.stringify({ passes: r.passes.length, violations: r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.html).join(' | ')) }))`,
    awaitPromise: true, returnByValue: true,
  });
  if (exceptionDetails) throw new Error(exceptionDetails.text);
  return JSON.parse(result.value);
}

/** The code of a base32 secret at `at` (milliseconds), by RFC 6238 with SHA-1, 6 digits, 30 seconds. */
export function totp(secret, at = Date.now()) {
  const bits = [...secret.replaceAll(/[ =]/g, '').toUpperCase()].map((c) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(c).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const mac = createHmac('sha1', key).update(counter).digest();
  const offset = mac.at(-1) & 15;
  return String((mac.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

/** Remembers which steps were used per secret and waits for the next one where the person would have to. */
const used = new Map();
export async function nextCode(secret) {
  const last = used.get(secret) ?? -1;
  await until(() => Math.floor(Date.now() / 30_000) + 1 > last, () => 'time stands still', 65_000);
  const now = Math.floor(Date.now() / 30_000);
  const step = Math.max(now, last + 1); // the window of one step allows the next code early
  used.set(secret, step);
  return totp(secret, step * 30_000);
}

/** Polls until `probe` is true; `explain` words the failure. */
export async function until(probe, explain, limit = 15_000) {
  const end = Date.now() + limit;
  while (Date.now() < end) {
    if (await probe()) return;
    await new Promise((resolve) => { setTimeout(resolve, 50); });
  }
  throw new Error(explain());
}

export const fields = {
  username: 'input[autocomplete~="username"]',
  password: 'input[autocomplete="current-password"]',
  code: 'input[autocomplete="one-time-code"]',
};

/** Does something that sends a form, and waits for the page that answers it. */
export async function submit(page, act) {
  await Promise.all([page.waitForNavigation(), act()]);
}

/** Fills the sign-in form as a person would: by keyboard, ending with Enter. */
export async function signIn(page, username, password) {
  await page.fill(fields.username, username);
  await page.fill(fields.password, password);
  await submit(page, () => page.press(fields.password, 'Enter'));
}

/** Fills a code form and sends it. */
export async function sendCode(page, code) {
  await page.fill(fields.code, code);
  await submit(page, () => page.press(fields.code, 'Enter'));
}

/** Kinds of authenticators, as Chromium's debugging protocol makes them. */
export const AUTHENTICATORS = {
  internal: { transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true },
  synced: { transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, defaultBackupEligibility: true, defaultBackupState: true },
  'internal without verification': { transport: 'internal', hasResidentKey: true, hasUserVerification: false },
  usb: { transport: 'usb', hasResidentKey: false, hasUserVerification: false },
  u2f: { protocol: 'u2f', transport: 'usb', hasResidentKey: false, hasUserVerification: false },
};

/** Gives a page an authenticator of Chromium's own, and the means to handle it as its owner does. */
export async function authenticator(page, kind = 'internal') {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const options = { protocol: 'ctap2', automaticPresenceSimulation: true, ...AUTHENTICATORS[kind] };
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', { options });
  const send = (method, more = {}) => session.send(`WebAuthn.${method}`, { authenticatorId, ...more });
  return {
    /** Whether its owner touches it as soon as it is asked. */
    touched: (enabled) => send('setAutomaticPresenceSimulation', { enabled }),
    credentials: async () => (await send('getCredentials')).credentials,
    add: (credential) => send('addCredential', { credential }),
    forget: () => send('clearCredentials'),
    /** Loses the device itself. */
    remove: () => send('removeVirtualAuthenticator'),
  };
}

/** What a page asks of `navigator.credentials` and tells the password manager of the browser, in order. */
export async function listen(page) {
  const calls = [];
  await page.exposeFunction('overheard', (name, about) => { calls.push({ call: name, ...about }); });
  await page.addInitScript(() => {
    for (const name of ['get', 'create']) {
      const real = navigator.credentials[name].bind(navigator.credentials);
      navigator.credentials[name] = (options) => {
        const { publicKey, mediation, uiMode, signal } = options;
        const { userVerification, authenticatorSelection, allowCredentials, excludeCredentials, timeout, pubKeyCredParams } = publicKey;
        window.overheard(name, { mediation, uiMode, userVerification, authenticatorSelection, timeout,
          algorithms: pubKeyCredParams?.map((p) => p.alg), allowed: allowCredentials?.length, excluded: excludeCredentials?.length });
        signal?.addEventListener('abort', () => window.overheard('abort', {}));
        return real(options);
      };
    }
    for (const name of ['signalUnknownCredential', 'signalAllAcceptedCredentials', 'signalCurrentUserDetails']) {
      const real = PublicKeyCredential[name].bind(PublicKeyCredential);
      PublicKeyCredential[name] = (about) => { window.overheard(name, about); return real(about); };
    }
  });
  return calls;
}

/** The binary under test. */
export const run = (argv, options = {}) => execFileSync(BINARY, argv, { encoding: 'utf8', ...options });

const held = [];

/**
 * A port of 127.0.0.1 that stays ours: below what the kernel gives to connections and to port 0, and held by a UDP
 * socket of the same number, as the other tests hold theirs.
 */
async function freePort() {
  for (let port = 10240 + (process.pid * 97) % 22528; ; port = port < 32767 ? port + 1 : 10240) {
    const hold = dgram.createSocket('udp4');
    const bound = await new Promise((resolve) => hold.once('error', () => resolve(false)).bind(port, '127.0.0.1', () => resolve(true)));
    if (bound && await listens(port)) {
      held.push(hold.unref());
      return port;
    }
    hold.close();
  }
}

function listens(port) {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

async function stop(child) {
  if (child.exitCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
  await gone;
  clearTimeout(timer);
}
