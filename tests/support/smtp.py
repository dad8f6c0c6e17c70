"""A mail server for tests (Debian's python3-aiosmtpd). Prints its port, then each letter it took as a line of JSON.

Usage: smtp.py [--tls | --starttls] [--cert FILE --key FILE] [--auth USER:PASSWORD] [--utf8]
               [--greylist] [--refuse] [--cut rcpt|data] [--banner SECONDS] [--silent] [--hold]
"""
import argparse
import asyncio
import base64
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult

arguments = argparse.ArgumentParser()
for flag in ["tls", "starttls", "utf8", "greylist", "refuse", "silent", "hold"]:
    arguments.add_argument(f"--{flag}", action="store_true")
for option in ["cert", "key", "auth", "cut"]:
    arguments.add_argument(f"--{option}")
arguments.add_argument("--banner", type=float, default=0)
options = arguments.parse_args()
connections = 0
seen = set()


def tell(**what):
    print(json.dumps(what), flush=True)


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if options.refuse:
            return f"550 5.1.1 <{address}>: no such person"
        if options.greylist and address not in seen:
            seen.add(address)
            return f"451 4.7.1 <{address}>: greylisted, come back later"
        if options.cut == "rcpt" and address not in seen:
            seen.add(address)
            server.transport.abort()
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        tell(
            to=envelope.rcpt_tos,
            sender=envelope.mail_from,
            options=envelope.mail_options,
            data=base64.b64encode(envelope.original_content).decode(),
            tls=session.ssl is not None,
            login=session.auth_data.decode() if session.auth_data else None,
            connection=server.number,
        )
        if options.hold and not seen:
            seen.add("held")
            await asyncio.sleep(3600)
        if options.cut == "data" and envelope.rcpt_tos[0] not in seen:
            seen.add(envelope.rcpt_tos[0])
            server.transport.abort()
        return "250 2.0.0 taken"


class Server(SMTP):
    async def _handle_client(self):
        if options.silent:
            await asyncio.sleep(3600)
        await asyncio.sleep(options.banner)
        await super()._handle_client()


def authenticate(server, session, envelope, mechanism, data):
    given = f"{data.login.decode()}:{data.password.decode()}"
    return AuthResult(success=given == options.auth, handled=False, auth_data=data.login)


def serve(context):
    global connections
    connections += 1
    server = Server(
        Handler(),
        enable_SMTPUTF8=options.utf8,
        decode_data=False,
        tls_context=context if options.starttls else None,
        require_starttls=options.starttls,
        authenticator=authenticate if options.auth else None,
        auth_required=bool(options.auth),
        auth_require_tls=False,
    )
    server.number = connections
    return server


async def main():
    context = None
    if options.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.cert, options.key)
    listener = await asyncio.get_running_loop().create_server(
        lambda: serve(context), "127.0.0.1", 0, ssl=context if options.tls else None
    )
    print(listener.sockets[0].getsockname()[1], flush=True)
    await asyncio.Event().wait()


asyncio.run(main())
