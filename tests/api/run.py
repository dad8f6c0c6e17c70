#!/usr/bin/env python3
"""Schemathesis against the document that a running demo serves: once as a stranger, once signed in.

No answer is a 5xx or outside the document, and what claims to need authentication needs it. Usage: run.py STEPGATE
"""

import base64
import hashlib
import hmac
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

HERE = Path(__file__).parent
SEED = os.environ.get("SEED", "20261126")
CASES = os.environ.get("CASES", "60")
# Calls by which the one who is signed in would not be any more.
ENDING = ["/.stepgate/api/v1/logout"]
# What stands behind `default`: answers to what is no request of the API at all.
OF_HTTP = {"400", "408", "421", "429", "431"}


def code(secret):
    """The code of now (RFC 6238)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    tag = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    word = struct.unpack(">I", tag[tag[-1] & 15 :][:4])[0] & 0x7FFFFFFF
    return f"{word % 1_000_000:06}"


def call(method, url, body=None, token=None):
    """The status and the body of an answer, and its `WWW-Authenticate`."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data=data, method=method)
    if body is not None:
        request.add_header("Content-Type", "application/json")
    if token:
        request.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read(), answer.headers.get("www-authenticate")
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read(), answer.headers.get("www-authenticate")


def run(document, known, *more, own=""):
    """One run; how often each operation answered with what. The session `own` is never the one that a call names."""
    with tempfile.TemporaryDirectory() as folder:
        seen = Path(folder) / "seen.json"
        command = [
            Path(sys.executable).parent / "schemathesis", "--no-color", "--config-file", HERE / "schemathesis.toml",
            "run", document, "--seed", SEED, "--max-examples", CASES, "--continue-on-failure",
            "--phases", "examples,coverage,fuzzing", "--generation-database", "none", "--request-timeout", "10",
            "--warnings", "off", *more,
        ]
        environment = {
            **os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE),
            "STEPGATE_KNOWN": json.dumps(known), "STEPGATE_SEEN": str(seen),
            "STEPGATE_OWN_SESSION": own,
        }
        ended = subprocess.run(command, env=environment, cwd=folder, timeout=240, check=False)
        counts = Counter({tuple(key.split(" ")): n for key, n in json.loads(seen.read_text()).items()})
        return ended.returncode, counts


def protected(document):
    """The operations that claim authentication: method and path."""
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if isinstance(operation, dict) and operation.get("security") and {} not in operation["security"]:
                yield method.upper(), path


def bare(url, document):
    """What answers a call without credentials, or with wrong ones, with anything but a refusal."""
    for method, path in protected(document):
        where = url + path.replace("{", "").replace("}", "")
        for token in [None, "x", "sgs_" + "A" * 43]:
            schema = document["paths"][path][method.lower()].get("requestBody")
            body = None
            if schema:
                reference = schema["content"]["application/json"]["schema"].get("$ref", "")
                body = document["components"]["schemas"].get(reference.rsplit("/", 1)[-1], {}).get("example", {})
            status, told, challenge = call(method, where, body, token)
            if status != 401 or not challenge:
                yield (f"{method} {path} with token {token}: {status} {challenge} {told[:200]!r}; it must be 401 with "
                       "WWW-Authenticate: let its handler ask for the session before it reads the body")


def main():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    demo = subprocess.Popen(
        [sys.argv[1], "demo", "--json", "--port", port], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        told = json.loads(demo.stdout.readline())
        sys.exit(examine(told))
    finally:
        demo.terminate()
        demo.wait()


def failed(who):
    return (f"schemathesis failed for {who}: each finding stands above with the call that shows it, and SEED={SEED} "
            f"CASES={CASES} make api finds it again. Let the handler answer as its document says, or the document in "
            "src/portal/api say what is answered; what no schema can say belongs into tests/api/schemathesis.toml")


def examine(demo):
    url = demo["url"]
    served = f"{url}/.stepgate/api/openapi.json"
    document = json.loads(call("GET", served)[1])
    ann, root = (next(u for u in demo["users"] if u["username"] == name) for name in ["ann", "root"])
    started, wrong = time.monotonic(), [] if any(protected(document)) else ["no call claims authentication"]
    first = {"username": "ann", "password": ann["password"]}
    ceremony = json.loads(call("POST", f"{url}/.stepgate/api/v1/login", first)[1])["ceremony"]
    known = {**first, "ceremony": ceremony}
    ended, seen = run(served, known)
    wrong += [failed("a stranger")] if ended else []
    for method, path in protected(document):
        answers = {int(status): n for (m, p, status), n in seen.items() if (m, p) == (method, path)}
        if not answers.get(401) or any(status < 300 for status in answers):
            wrong.append(f"{method} {path} says that it needs authentication, and answers a stranger: {answers}; refuse "
                         "them with 401, or let its `security` in src/portal/api begin with `()`")
    wrong += bare(url, document)
    login = {"username": "root", "password": root["password"], "otp": code(root["totp_secret"])}
    token = json.loads(call("POST", f"{url}/.stepgate/api/v1/login", login)[1])["access_token"]
    more = ["--header", f"Authorization: Bearer {token}"]
    for path in ENDING:
        more += ["--exclude-path", path]
    sessions = json.loads(call("GET", f"{url}/.stepgate/api/v1/sessions", token=token)[1])["sessions"]
    own = next(session["id"] for session in sessions if session["current"])
    ended, signed_in = run(served, {}, *more, own=own)
    wrong += [failed("somebody who is signed in")] if ended else []
    status = call("GET", f"{url}/.stepgate/api/v1/whoami", token=token)[0]
    wrong += [] if status == 200 else [
        f"the session did not last ({status}): a call that is to end it belongs into ENDING of tests/api/run.py"
    ]
    for (method, path, status), n in (seen + signed_in).items():
        operation = document["paths"][path].get(method.lower())
        stated = {"405"} if operation is None else {*operation["responses"], *OF_HTTP}
        if int(status) >= 500:
            wrong.append(f"{method} {path}: {n} × {status}; no call may fail: `make demo` and the calls above show why")
        elif status not in stated:
            wrong.append(f"{method} {path}: {n} × {status}, which the document does not state: add it to `responses` above "
                         "its handler in src/portal/api, or answer otherwise")
    operations = {(method, path) for method, path, _ in signed_in}
    good = {(method, path) for method, path, status in signed_in if int(status) < 300}
    print(f"{sum(seen.values())} + {sum(signed_in.values())} calls of {len(operations) + len(ENDING)} operations, "
          f"{len(good)} of which succeeded, in {time.monotonic() - started:.0f} s")
    for line in wrong:
        print(f"wrong: {line}")
    return bool(wrong)


if __name__ == "__main__":
    main()
