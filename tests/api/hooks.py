"""What the run of schemathesis is told, and what it leaves for `run.py`: how often each operation answered with what."""

import atexit
import json
import os
from collections import Counter

import schemathesis

SEEN = Counter()
# Fields that mean something, so that not every case ends at the first look. Half of the cases stay as generated.
KNOWN = json.loads(os.environ["STEPGATE_KNOWN"])
# The session of the run: identifiers are taken from earlier answers, and to end this one would end the run.
OWN = os.environ.get("STEPGATE_OWN_SESSION")


def known(operation):
    """What a stranger may know. Where a call needs authentication, a ceremony in the body is one: then it is not known."""
    security = operation.definition.raw.get("security") or [{}]
    return KNOWN if {} in security else {name: value for name, value in KNOWN.items() if name != "ceremony"}


@schemathesis.hook
def map_body(context, body):
    if isinstance(body, dict) and len(json.dumps(body, default=str)) % 2:
        given = known(context.operation)
        return {name: given.get(name, value) if isinstance(value, str) else value for name, value in body.items()}
    return body


@schemathesis.hook
def before_call(context, case, kwargs):
    if OWN and case.path_parameters.get("id") == OWN:
        case.path_parameters["id"] = "0" * len(OWN)


@schemathesis.hook
def after_call(context, case, response):
    SEEN[f"{case.operation.method.upper()} {case.operation.path} {response.status_code}"] += 1


@atexit.register
def leave():
    with open(os.environ["STEPGATE_SEEN"], "w", encoding="utf-8") as file:
        json.dump(SEEN, file)
