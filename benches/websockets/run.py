#!/usr/bin/env python3
"""Idle WebSockets through Stepgate, a bare Pingora proxy and nginx, in one run: memory and CPU of each, and how soon those of
a session end.

Starts an app that answers handshakes and then is silent, and each proxy in turn with a process of its own. Opens the
WebSockets, waits until all is quiet, and reads from /proc how much memory the proxy has more than before (RssAnon,
divided by their number) and how much CPU it spends while nothing passes. Stepgate's belong to
ten people, a tenth each; then one of them is signed out everywhere, and the time until the last of theirs was told 1008
is measured, and that nobody else's was touched.

Usage: run.py [--sockets 10000] [--idle 20] [--only stepgate,bare,nginx] [--json FILE]
Environment: STEPGATE_RELEASE, the folder of the built binaries; default target/release.
Needs `ulimit -n` of twice the sockets and a little more, which root may raise.
"""
import argparse
import asyncio
import base64
import hashlib
import http.client
import json
import os
import pathlib
import resource
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "gateway"))
import run as bench

PEOPLE = 10
PASSWORD = "a long enough password"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = base64.b64encode(hashlib.sha1(KEY + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
SESSION_OVER = b"\x88\x02\x03\xf0"


async def serve(port):
    """The app: a handshake, then echoes, of which there are none."""
    class App(asyncio.Protocol):
        def connection_made(self, transport):
            self.transport, self.head = transport, b""

        def data_received(self, data):
            if self.head is None:
                return
            self.head += data
            if self.head.endswith(b"\r\n\r\n"):
                self.head = None
                self.transport.write((f"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                                      f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n").encode())

    server = await asyncio.get_running_loop().create_server(App, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


class Socket(asyncio.Protocol):
    """A WebSocket of a client: open once its handshake was answered; what is said to it is kept."""

    def __init__(self):
        self.said, self.open, self.ended = b"", asyncio.get_running_loop().create_future(), None

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.said += data
        if not self.open.done() and b"\r\n\r\n" in self.said:
            head, self.said = self.said.split(b"\r\n\r\n", 1)
            if head.startswith(b"HTTP/1.1 101"):
                self.open.set_result(None)
            else:
                self.open.set_exception(RuntimeError(head.decode()))
        if self.said.startswith(SESSION_OVER) and self.ended is None:
            self.ended = time.monotonic()
            self.transport.close()

    def connection_lost(self, _):
        if not self.open.done():
            self.open.set_exception(RuntimeError("closed in the handshake"))


async def open_all(port, count, cookies):
    """Opens them, 64 at a time; of each who its owner is."""
    loop, room = asyncio.get_running_loop(), asyncio.Semaphore(64)

    async def one(number):
        owner = number % len(cookies)
        async with room:
            transport, socket = await loop.create_connection(Socket, "127.0.0.1", port)
            cookie = f"Cookie: __Host-stepgate={cookies[owner]}\r\n" if cookies[owner] else ""
            transport.write((f"GET /ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                             f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY.decode()}\r\n{cookie}\r\n").encode())
            await asyncio.wait_for(socket.open, 30)
        return owner, socket

    return await asyncio.gather(*(one(number) for number in range(count)))


def memory(pid):
    """KiB of a process and its children that are no file."""
    pids, total = [pid], 0
    while pids:
        pid = pids.pop()
        children = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        pids += [int(child) for child in children]
        fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
        total += int(fields["RssAnon"].split()[0])
    return total


async def cpu_percent(pid, seconds):
    spent = bench.cpu_seconds(pid)
    await asyncio.sleep(seconds)
    return (bench.cpu_seconds(pid) - spent) / seconds * 100


async def measure(process, port, args, cookies):
    """Opens all, and lets them be idle."""
    # The first few fill the pools of the allocator and of the runtime.
    warm = await open_all(port, 50, cookies)
    await asyncio.sleep(3)
    quiet = await cpu_percent(process.pid, args.idle)
    before = memory(process.pid)
    sockets = await open_all(port, args.sockets, cookies)
    await asyncio.sleep(5)
    each = (memory(process.pid) - before) / args.sockets
    idle = await cpu_percent(process.pid, args.idle)
    return warm + sockets, {"kib_each": each, "cpu_percent": idle, "cpu_percent_without": quiet}


def config(folder, port, upstream, redis, sockets):
    path = bench.stepgate_conf(folder, "gate", port, upstream, redis)
    text = path.read_text().replace('bench.db" }', 'bench.db", password: { memory: 8MiB, iterations: 1 } }')
    text += f"limits: {{ connections: {sockets + 1000}, connections_per_client: {sockets + 1000} }}\n"
    path.write_text(text)
    return path


def people(path, port):
    """Makes accounts and signs each in; their tokens."""
    tokens = []
    for number in range(PEOPLE):
        name = f"person{number}"
        subprocess.run([bench.RELEASE / "stepgate", "user", "add", name, "-c", path, "--password-stdin"],
                       input=PASSWORD.encode() + b"\n", check=True, stdout=subprocess.DEVNULL)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        headers = {"Host": "localhost", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
        body = f"username={name}&password={PASSWORD.replace(' ', '+')}"
        connection.request("POST", "/.stepgate/login?to=/", body, headers)
        answer = connection.getresponse()
        answer.read()
        cookies = " ".join(answer.headers.get_all("Set-Cookie") or [])
        if "__Host-stepgate=" not in cookies:
            sys.exit(f"{name} is not signed in: {answer.status}")
        tokens.append(cookies.split("__Host-stepgate=", 1)[1].split(";", 1)[0])
        connection.close()
    return tokens


async def end_one(path, sockets):
    """Signs one person out everywhere; how long until the last of theirs was told, and how many were others'."""
    argv = [str(bench.RELEASE / "stepgate"), "session", "revoke", "--user", "person0", "-c", str(path)]
    command = await asyncio.create_subprocess_exec(*argv, stdout=subprocess.DEVNULL)
    if await command.wait():
        sys.exit("the session is not revoked")
    over = time.monotonic()
    hers = [socket for owner, socket in sockets if owner == 0]
    deadline = over + 10
    while any(socket.ended is None for socket in hers) and time.monotonic() < deadline:
        await asyncio.sleep(0.01)
    missing = sum(socket.ended is None for socket in hers)
    if missing:
        sys.exit(f"{missing} of {len(hers)} go on")
    if any(socket.transport.is_closing() for owner, socket in sockets if owner != 0):
        sys.exit("somebody else's ended")
    first, last = (pick(socket.ended for socket in hers) - over for pick in (min, max))
    return {"ended": len(hers), "first_ms": first * 1000, "last_ms": last * 1000}


async def run_all(args, folder, run):
    ports = {name: bench.free_port() for name in ("app", "redis", "stepgate", "bare", "nginx")}
    run.start("app", [sys.executable, __file__, "--serve", ports["app"], "--sockets", args.sockets], ports["app"])
    results = {}
    for name in args.only.split(","):
        cookies, path = [None], None
        if name == "stepgate":
            run.start("redis", ["redis-server", "--port", ports["redis"], "--save", "", "--dir", folder], ports["redis"])
            path = config(folder, ports[name], ports["app"], ports["redis"], args.sockets)
            argv = [bench.RELEASE / "stepgate", "--log", "warn,access=off", "run", "-c", path]
        elif name == "bare":
            argv = [bench.RELEASE / "examples" / "bare_pingora", f"127.0.0.1:{ports[name]}", f"127.0.0.1:{ports['app']}"]
        else:
            body = (f"server {{ listen 127.0.0.1:{ports[name]}; location / {{ proxy_pass http://127.0.0.1:{ports['app']};"
                    "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection Upgrade;"
                    "proxy_read_timeout 1h; proxy_send_timeout 1h; } }")
            made = bench.nginx_conf(folder, name, body)
            made.write_text(made.read_text().replace("worker_connections 4096", f"worker_connections {3 * args.sockets}"))
            argv = ["nginx", "-c", made]
        process = run.start(name, argv, ports[name])
        if name == "stepgate":
            cookies = people(path, ports[name])
        sockets, results[name] = await measure(process, ports[name], args, cookies)
        if name == "stepgate":
            results[name].update(await end_one(path, sockets))
        for _, socket in sockets:
            socket.transport.abort()
        await asyncio.sleep(1)
    return results


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--sockets", type=int, default=10_000)
    args.add_argument("--idle", type=int, default=20, help="seconds")
    args.add_argument("--only", default="stepgate,bare,nginx")
    args.add_argument("--json")
    args.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    args = args.parse_args()
    needed, (_, hard) = 2 * args.sockets + 300, resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(needed, hard), max(needed, hard)))
    except (ValueError, PermissionError):
        sys.exit(f"`ulimit -n` is {hard}: {needed} are needed, or fewer --sockets")
    if args.serve:
        return asyncio.run(serve(args.serve))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-websockets-"))
    run = bench.Processes(folder)
    try:
        results = asyncio.run(run_all(args, folder, run))
    finally:
        run.stop()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"{args.sockets} idle WebSockets, {args.idle} s")
    print("| | KiB each | CPU while idle (%) | CPU without them (%) |")
    print("|---|---|---|---|")
    for name, row in results.items():
        print(f"| {name} | {row['kib_each']:.1f} | {row['cpu_percent']:.2f} | {row['cpu_percent_without']:.2f} |")
    if "stepgate" in results:
        row = results["stepgate"]
        print(f"{row['ended']} of one person: told from {row['first_ms']:.0f} to {row['last_ms']:.0f} ms after the command")
    if args.json:
        pathlib.Path(args.json).write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
