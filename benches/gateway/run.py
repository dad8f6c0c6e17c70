#!/usr/bin/env python3
"""Stepgate beside a bare Pingora proxy and nginx auth_request, in one run, as ratios.

Starts an upstream (nginx), a real Redis, each gateway on free loopback ports, and drives each with wrk in
turn, several rounds, so that what the machine does meanwhile falls on all alike. Reports CPU time per request
of the gateway process (all its threads and children, from /proc) and throughput, each as a ratio to the bare proxy;
the median of the rounds.

Like is compared with like: neither the bare proxy nor nginx writes a line per request, so (b) and (c) are measured
on a gateway that writes none either (`--log warn,access=off`); (b+log) is a second one as it runs by default, which
writes its access events to a file.

Usage: run.py [--rounds 5] [--seconds 5] [--connections 64] [--json FILE] [--only a,b] [--spread]
Environment: STEPGATE_RELEASE, the folder of the built binaries; default target/release.
"""
import argparse
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
RELEASE = pathlib.Path(os.environ.get("STEPGATE_RELEASE", ROOT / "target" / "release"))
TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def wait_for(port, what):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with socket.socket() as s:
            s.settimeout(0.2)
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
    sys.exit(f"{what} did not start on port {port}")


class Processes:
    """Starts processes and ends them all, whatever happens."""

    def __init__(self, folder):
        self.folder, self.all = folder, []

    def start(self, name, argv, port, cpus=None):
        log = open(self.folder / f"{name}.log", "wb")
        argv = (["taskset", "-c", cpus] if cpus else []) + [str(a) for a in argv]
        process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
        self.all.append(process)
        wait_for(port, name)
        if process.poll() is not None:
            sys.exit(f"{name} ended at its start:\n{(self.folder / f'{name}.log').read_text()}")
        return process

    def stop(self):
        for process in self.all:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()


def cpu_seconds(pid):
    """User and system time of a process and its descendants."""
    children = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        children.setdefault(int(fields[1]), []).append((int(stat.parent.name), int(fields[11]) + int(fields[12])))
    own = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    total, queue = int(own[11]) + int(own[12]), [pid]
    while queue:
        for child, ticks in children.get(queue.pop(), []):
            total += ticks
            queue.append(child)
    return total / TICKS


def nginx_conf(folder, name, body, workers=1):
    path = folder / f"{name}.conf"
    temp = folder / name
    temp.mkdir()
    path.write_text(
        f"daemon off; worker_processes {workers}; pid {temp}/pid; error_log {temp}/error.log;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 1000000000; client_body_temp_path {temp}; proxy_temp_path {temp};\n"
        f"fastcgi_temp_path {temp}; uwsgi_temp_path {temp}; scgi_temp_path {temp};\n{body}\n}}\n"
    )
    return path


def stepgate_conf(folder, name, port, upstream, redis):
    key = folder / "master.key"
    if not key.exists():
        made = subprocess.run([RELEASE / "stepgate", "secret", "generate"], capture_output=True, text=True, check=True)
        key.write_text(made.stdout)
        key.chmod(0o600)
    path = folder / f"{name}.yaml"
    path.write_text(
        f"""listen: {{ plain: ["127.0.0.1:{port}"] }}
users: {{ database: "sqlite://{folder}/bench.db" }}
state: redis://127.0.0.1:{redis}
secrets: {{ key_file: {key} }}
apps:
  - host: localhost
    upstream: http://127.0.0.1:{upstream}
    identity: {{ headers: {{ user: Remote-User, groups: Remote-Groups }} }}
    rules:
      - {{ path: /**, require: one_factor }}
"""
    )
    return path


def sign_in(config, port):
    """Makes an account and signs it in as a browser does; the cookie's token."""
    subprocess.run([RELEASE / "stepgate", "user", "add", "bench", "-c", config, "--password-stdin", "--group", "staff"],
                   input=b"a long enough password\n", check=True, stdout=subprocess.DEVNULL)
    return form(port)


def form(port):
    """Sends the sign-in form; the token, which opens the app."""
    headers = {"Host": "localhost", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/x-www-form-urlencoded"}
    body = urllib.parse.urlencode({"username": "bench", "password": "a long enough password"})
    answer = ask(port, "POST", "/.stepgate/login?to=/", headers, body)
    found = re.search(r"__Host-stepgate=(sgs_[^;]+)", "\n".join(answer.headers.get_all("Set-Cookie") or []))
    if not found:
        sys.exit(f"no session was opened: {answer.status}")
    answer = ask(port, "GET", "/", {"Host": "localhost", "Cookie": f"__Host-stepgate={found[1]}"})
    if answer.status != 200:
        sys.exit(f"the session does not open the app: {answer.status}")
    return found[1]


def ask(port, method, path, headers, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        return answer
    finally:
        connection.close()


def drive(port, seconds, connections, headers):
    argv = ["wrk", "-t2", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}/", "-H", "Host: localhost"]
    for name, value in headers.items():
        argv += ["-H", f"{name}: {value}"]
    out = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    if bad or "Socket errors" in out:
        sys.exit(f"the run is void:\n{out}")
    return int(re.search(r"(\d+) requests in", out).group(1)), float(re.search(r"Requests/sec:\s+([\d.]+)", out).group(1))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--rounds", type=int, default=5)
    args.add_argument("--seconds", type=int, default=5)
    args.add_argument("--connections", type=int, default=64)
    args.add_argument("--only", default="a,b,b+log,c,d", help="cases, by their letters")
    args.add_argument("--spread", action="store_true", help="let everything run on every CPU")
    args.add_argument("--json")
    args = args.parse_args()
    # A gateway that has a CPU to itself is measured alike in every round, whatever else runs.
    alone = None if args.spread or os.cpu_count() < 2 else "0"
    if alone:
        # Inherited by everything that is started without a place of its own.
        os.sched_setaffinity(0, set(range(1, os.cpu_count())))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-bench-"))
    run = Processes(folder)
    try:
        ports = {n: free_port() for n in ("upstream", "stub", "redis", "bare", "quiet", "logging", "nginx")}
        body = ("server { listen 127.0.0.1:%d; location / { return 200 \"hello\"; } }\n"
                "server { listen 127.0.0.1:%d; location / { return 204; } }") % (ports["upstream"], ports["stub"])
        run.start("upstream", ["nginx", "-c", nginx_conf(folder, "upstream", body)], ports["upstream"])
        run.start("redis", ["redis-server", "--port", ports["redis"], "--save", "", "--dir", folder], ports["redis"])
        bare = run.start("bare", [RELEASE / "examples" / "bare_pingora", f"127.0.0.1:{ports['bare']}",
                                  f"127.0.0.1:{ports['upstream']}"], ports["bare"], alone)
        gates = {}
        for name, log in (("quiet", "warn,access=off"), ("logging", "info")):
            config = stepgate_conf(folder, name, ports[name], ports["upstream"], ports["redis"])
            argv = [RELEASE / "stepgate", "--log", log, "run", "-c", config]
            gates[name] = run.start(name, argv, ports[name], alone)
        # Both share their stores, so one sign-in serves both.
        token = sign_in(config, ports["quiet"])
        body = (
            f"upstream app {{ server 127.0.0.1:{ports['upstream']}; keepalive 128; keepalive_requests 1000000000; }}\n"
            f"upstream stub {{ server 127.0.0.1:{ports['stub']}; keepalive 128; keepalive_requests 1000000000; }}\n"
            f"server {{ listen 127.0.0.1:{ports['nginx']};\n"
            "location / { auth_request /auth; proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection \"\"; }\n"
            "location = /auth { internal; proxy_pass http://stub; proxy_http_version 1.1; proxy_set_header Connection \"\";\n"
            "proxy_pass_request_body off; proxy_set_header Content-Length \"\"; } }")
        # As the others do: one worker for each CPU that it may use.
        conf = nginx_conf(folder, "nginx", body, 1 if alone else os.cpu_count())
        nginx = run.start("nginx", ["nginx", "-c", conf], ports["nginx"], alone)
        browser = {"Accept": "text/html"}
        signed_in = {**browser, "Cookie": f"__Host-stepgate={token}"}
        cases = [
            ("a", "bare Pingora proxy", bare, ports["bare"], signed_in),
            ("b", "Stepgate, warm session over Redis", gates["quiet"], ports["quiet"], signed_in),
            ("b+log", "the same, writing its access events", gates["logging"], ports["logging"], signed_in),
            ("c", "Stepgate, anonymous, redirected to sign in", gates["quiet"], ports["quiet"], browser),
            ("d", "nginx, auth_request to a stub", nginx, ports["nginx"], signed_in),
        ]
        cases = [case for case in cases if case[0] in args.only.split(",")]
        rows = {letter: {"cpu": [], "rps": []} for letter, *_ in cases}
        names = {letter: f"({letter}) {name}" for letter, name, *_ in cases}
        for _, _, process, port, headers in cases:
            drive(port, 2, args.connections, headers)
        for number in range(args.rounds):
            for letter, _, process, port, headers in cases:
                before = cpu_seconds(process.pid)
                count, rps = drive(port, args.seconds, args.connections, headers)
                rows[letter]["cpu"].append((cpu_seconds(process.pid) - before) / count * 1e6)
                rows[letter]["rps"].append(rps)
            print(f"round {number + 1} of {args.rounds} done", file=sys.stderr)
        base = rows[cases[0][0]]
        print("| case | CPU per request (µs) | CPU ÷ (a) | lowest – highest | requests/s | throughput ÷ (a) |")
        print("|---|---|---|---|---|---|")
        result = {}
        for letter, row in rows.items():
            ratios = [x / y for x, y in zip(row["cpu"], base["cpu"])]
            cpu, rps = statistics.median(row["cpu"]), statistics.median(row["rps"])
            cpu_ratio = statistics.median(ratios)
            rps_ratio = statistics.median(x / y for x, y in zip(row["rps"], base["rps"]))
            result[letter] = {"case": names[letter], "cpu_us": cpu, "cpu_ratio": cpu_ratio, "rps_ratio": rps_ratio, **row}
            print(f"| {names[letter]} | {cpu:.1f} | **{cpu_ratio:.2f}** | {min(ratios):.2f} – {max(ratios):.2f} "
                  f"| {rps:.0f} | {rps_ratio:.2f} |")
        if args.json:
            pathlib.Path(args.json).write_text(json.dumps(result, indent=2))
    finally:
        run.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
