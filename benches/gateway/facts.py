#!/usr/bin/env python3
"""What one gateway weighs: start, memory idle and with 2 000 remembered sessions, the sign-in page on the wire.

Usage: facts.py. Environment: STEPGATE_RELEASE, the folder of the built binary; default target/release.
"""
import gzip
import http.client
import pathlib
import re
import shutil
import socket
import subprocess
import statistics
import tempfile
import time

import run as bench

SESSIONS = 2_000


def resident(pid):
    """Resident memory in MiB, all of it and the part that is not files (the program itself is a file)."""
    fields = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return tuple(int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "RssAnon"))


def ask(port, headers):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", headers.pop("path", "/"), headers={"Host": "localhost", **headers})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer, body


def started(run, name, config, port):
    """Starts a gateway; how long until it accepts connections, in seconds."""
    log = open(run.folder / f"{name}.log", "wb")
    begun = time.monotonic()
    argv = [str(bench.RELEASE / "stepgate"), "run", "-c", str(config)]
    process = subprocess.Popen(argv, stdout=log, stderr=log, start_new_session=True)
    run.all.append(process)
    while True:
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return process, time.monotonic() - begun
        time.sleep(0.001)


def cheaply(config):
    """The same with cheap hashes: records are sealed for their place, so sessions are opened, not copied."""
    text = config.read_text().replace("bench.db\" }", "bench.db\", password: { memory: 8MiB, iterations: 1 } }")
    config.write_text(text)


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stepgate-facts-"))
    run = bench.Processes(folder)
    try:
        ports = {n: bench.free_port() for n in ("upstream", "redis", "gate")}
        body = 'server { listen 127.0.0.1:%d; location / { return 200 "hello"; } }' % ports["upstream"]
        run.start("upstream", ["nginx", "-c", bench.nginx_conf(folder, "upstream", body)], ports["upstream"])
        run.start("redis", ["redis-server", "--port", ports["redis"], "--save", "", "--dir", folder], ports["redis"])
        config = bench.stepgate_conf(folder, "gate", ports["gate"], ports["upstream"], ports["redis"])
        starts = []
        for number in range(6):
            gate, took = started(run, f"gate{number}", config, ports["gate"])
            starts.append(took)
            if number < 5:
                gate.terminate()
                gate.wait()
        print(f"start until connections are accepted: first, with the schema made, {starts[0] * 1000:.0f} ms; "
              f"then {statistics.median(starts[1:]) * 1000:.0f} ms (median of {len(starts) - 1})")
        print(f"size of the program: {(bench.RELEASE / 'stepgate').stat().st_size / 2**20:.1f} MiB")
        time.sleep(1)
        print("memory idle: %.1f MiB, of which not files %.1f MiB" % resident(gate.pid))
        token = bench.sign_in(config, ports["gate"])
        print("after one sign-in (argon2id, 19 MiB): %.1f MiB, %.1f MiB" % resident(gate.pid))
        answer, _ = ask(ports["gate"], {"Accept": "text/html", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"})
        place = answer.getheader("Location")
        answer, page = ask(ports["gate"], {"Accept": "text/html", "path": place[place.index("/.stepgate"):]})
        title = re.search(r"<title>(.*?)</title>", page.decode())[1]
        print(f"sign-in page ({title}): {answer.status}, {len(page)} bytes, {len(gzip.compress(page, 6))} gzipped; "
              f"sent as {answer.getheader('Content-Encoding') or 'it is'}")
        for path in sorted(set(re.findall(r'(?:href|src)="(/\.stepgate/[^"]+\.(?:css|js|svg|ico|png)[^"]*)"', page.decode()))):
            answer, asset = ask(ports["gate"], {"path": path, "Accept-Encoding": "gzip"})
            print(f"  {path}: {len(asset)} bytes, {len(gzip.compress(asset, 6))} gzipped")
        gate.terminate()
        gate.wait()
        cheaply(config)
        gate, _ = started(run, "cheap", config, ports["gate"])
        tokens = [bench.form(ports["gate"]) for _ in range(SESSIONS)]
        gate.terminate()
        gate.wait()
        gate, _ = started(run, "fresh", config, ports["gate"])
        for _ in range(200):
            ask(ports["gate"], {"Cookie": f"__Host-stepgate={token}"})
        before = resident(gate.pid)
        begun = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", ports["gate"], timeout=10)
        for one in tokens:
            connection.request("GET", "/", headers={"Host": "localhost", "Cookie": f"__Host-stepgate={one}"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                raise SystemExit(f"a session is not known: {answer.status}")
        after = resident(gate.pid)
        print(f"{SESSIONS} sessions, each asked for once in {time.monotonic() - begun:.0f} s: "
              f"from {before[0]:.1f} to {after[0]:.1f} MiB, {(after[1] - before[1]) * 1024 / SESSIONS:.2f} KiB per session")
    finally:
        run.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
