#!/usr/bin/env python3
"""Whether the time of an answer tells that somebody has a name: interleaved pairs over one connection.

For each place that takes a name: the difference of the medians is under 1 ms and Welch's |t| under 4.5, of all samples
and of those without the slowest 5 % (which are the machine's). The same test must find an early return, which stands in
front of the gateway here. Usage: run.py STEPGATE [PAIRS]
"""

import http.client
import json
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

PAIRS = int(sys.argv[2]) if len(sys.argv) > 2 else 10_000
NAMES = 40
API = "/.stepgate/api/v1/"
FORM = {"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
JSON = {"Content-Type": "application/json"}
# Name, path, headers, body of a name. A call that the document does not have is left out, and said so.
PLACES = [
    ("login", API + "login", JSON, lambda name: json.dumps({"username": name, "password": "wrong"})),
    ("login with a code", API + "login", JSON,
     lambda name: json.dumps({"username": name, "password": "wrong", "otp": "000000"})),
    ("login page", "/.stepgate/login?to=%2F", FORM, lambda name: f"username={name}&password=wrong"),
    ("passkey options", API + "login/passkey/options", JSON, lambda name: json.dumps({"username": name})),
]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def config(folder, port, admin, redis):
    """Hashing as light as it may be: what else takes time is not hidden behind it."""
    return f"""listen: {{ plain: ["127.0.0.1:{port}"], admin: "127.0.0.1:{admin}" }}
users: {{ database: "sqlite://{folder}/users.db", password: {{ memory: 7MiB, iterations: 1 }} }}
state: redis://127.0.0.1:{redis}/
limits:
  password: {{ tries: 100000, refill: 1s }}
  password_lockout: {{ tries: 100000, refill: 1s }}
  new_network: {{ tries: 100000, refill: 1s }}
  new_networks: {{ tries: 100000, refill: 1s }}
  network: {{ tries: 1000000, refill: 1ms }}
apps:
  - host: app.test
    upstream: "http://127.0.0.1:{admin}"
    rules: [{{ path: /**, require: one_factor }}]
"""


class Caller:
    def __init__(self, port):
        self.port, self.kept = port, http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def time(self, path, headers, body):
        """Milliseconds until an answer is read, and its status."""
        started = time.perf_counter_ns()
        self.kept.request("POST", path, body, {"Host": "app.test", **headers})
        answer = self.kept.getresponse()
        answer.read()
        return (time.perf_counter_ns() - started) / 1e6, answer.status


def early(port):
    """A front that answers for names that nobody has by itself: the early return to be found. Its port."""
    front = socket.create_server(("127.0.0.1", 0))

    def serve():
        near, _ = front.accept()
        far, known = socket.create_connection(("127.0.0.1", port)), None
        while request := read(near):
            if known is None or b"nobody" not in request:
                far.sendall(request)
                known = read(far)
            near.sendall(known)

    def read(stream):
        data = b""
        while b"\r\n\r\n" not in data:
            more = stream.recv(65536)
            if not more:
                return b""
            data += more
        head = data.split(b"\r\n\r\n")[0].lower()
        length = int(head.split(b"content-length:")[1].split(b"\r\n")[0]) if b"content-length:" in head else 0
        while len(data) < len(head) + 4 + length:
            data += stream.recv(65536)
        return data

    threading.Thread(target=serve, daemon=True).start()
    return front.getsockname()[1]


def welch(a, b):
    spread = statistics.variance(a) / len(a) + statistics.variance(b) / len(b)
    return (statistics.fmean(a) - statistics.fmean(b)) / spread**0.5 if spread else 0.0


def measure(port, place, pairs):
    """What the pairs say: median of known and unknown, t of all and of the quicker 95 %."""
    _, path, headers, body = place
    caller, draw, times = Caller(port), random.Random(1), {"known": [], "nobody": []}
    statuses = {"known": set(), "nobody": set()}
    for number in range(-NAMES, pairs):
        # In either order, so that what one leaves behind is not always the other's.
        for kind in draw.sample(["known", "nobody"], 2):
            name = f"{kind}{number % NAMES:03}"
            took, status = caller.time(path, headers, body(name))
            if number >= 0:
                times[kind].append(took)
                statuses[kind].add(status)
    known, nobody = times["known"], times["nobody"]
    limit = sorted(known + nobody)[int(1.9 * pairs)]
    quick = [[t for t in all if t <= limit] for all in (known, nobody)]
    return statuses, statistics.median(known), statistics.median(nobody), welch(known, nobody), welch(*quick)


def judge(name, port, place, pairs):
    statuses, known, nobody, t, quick = measure(port, place, pairs)
    alike = abs(known - nobody) < 1 and abs(t) < 4.5 and abs(quick) < 4.5
    alike = alike and statuses["known"] == statuses["nobody"] and len(statuses["known"]) == 1
    print(f"{name:32} {pairs:6} pairs  median {known:7.3f} ms known, {nobody:7.3f} ms nobody, "
          f"difference {known - nobody:+.4f} ms  t {t:+7.2f}, {quick:+7.2f} of the quicker 95 %  "
          f"{sorted(statuses['known'] | statuses['nobody'])}", flush=True)
    return alike


def main():
    with tempfile.TemporaryDirectory() as folder:
        port, admin, redis = free_port(), free_port(), free_port()
        file = Path(folder) / "stepgate.yaml"
        file.write_text(config(folder, port, admin, redis), encoding="utf-8")
        for number in range(NAMES):
            add = [sys.argv[1], "user", "add", f"known{number:03}", "-c", file, "--password-stdin"]
            subprocess.run(add, input=b"a password for tests", check=True, capture_output=True)
        servers = [
            subprocess.Popen(["redis-server", "--port", str(redis), "--save", "", "--appendonly", "no"],
                             cwd=folder, stdout=subprocess.DEVNULL),
            subprocess.Popen([sys.argv[1], "run", "-c", file], stderr=subprocess.DEVNULL),
        ]
        try:
            sys.exit(examine(port))
        finally:
            for server in reversed(servers):
                server.terminate()
                server.wait()


def examine(port):
    for _ in range(200):
        try:
            caller = Caller(port)
            caller.kept.request("GET", "/.stepgate/api/openapi.json", headers={"Host": "app.test"})
            paths = json.loads(caller.kept.getresponse().read())["paths"]
            break
        except (OSError, ValueError):
            time.sleep(0.1)
    else:
        return "the gateway does not start"
    wrong = []
    for place in PLACES:
        if place[1].startswith(API) and place[1] not in paths:
            print(f"{place[0]:32} is not served", flush=True)
            continue
        if not judge(place[0], port, place, PAIRS):
            wrong.append(place[0])
        if judge(f"{place[0]}, early return", early(port), place, max(PAIRS // 20, 100)):
            wrong.append(f"{place[0]}: the early return is not found")
    return "told apart: " + ", ".join(wrong) if wrong else 0


main()
