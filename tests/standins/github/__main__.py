"""github-server: a stand-in for GitHub that runners register with.

Prints one line, `ready http://ADDRESS [https://ADDRESS]`, once it accepts
connections, and ends on SIGTERM, SIGINT, or a control request.
"""

import argparse
import asyncio
import signal
import sys

from . import tls
from .app import App
from .httpd import Server
from .state import Settings


def parser():
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(prog="github-server", description=__doc__)
    made.add_argument("--listen", default="127.0.0.2", metavar="ADDRESS")
    made.add_argument("--port", type=int, default=80,
                      help="the runner insists on 80 (default)")
    made.add_argument("--tls", metavar="ADDRESS[:PORT]",
                      help="serve https too; port 443 unless told")
    made.add_argument("--tls-cert", metavar="FILE")
    made.add_argument("--tls-key", metavar="FILE")
    made.add_argument("--tls-dir", metavar="DIR",
                      help="make ca.pem and a certificate there")
    defaults = Settings()
    for name, text in (
            ("lock-seconds", "until a job not renewed has failed"),
            ("session-seconds", "until a session not polled is over"),
            ("poll-seconds", "how long a poll is held"),
            ("redeliver-seconds", "until an offer is made again")):
        made.add_argument(
            f"--{name}", type=float, metavar="N",
            default=getattr(defaults, name.replace("-", "_")),
            help=f"{text} (default %(default)g)")
    return made


async def listen(server, options):
    """Open the listeners; return their URLs."""
    port = "" if options.port == 80 else f":{options.port}"
    await server.listen(options.listen, options.port)
    urls = [f"http://{options.listen}{port}"]
    if options.tls:
        address, _, port = options.tls.partition(":")
        files = (options.tls_cert, options.tls_key)
        if options.tls_dir:
            files = tls.make_files(options.tls_dir, address)
        await server.listen(address, int(port or 443), tls.context(*files))
        urls.append(f"https://{address}" + (
            f":{port}" if port not in ("", "443") else ""))
    return urls


async def serve(options):
    """Serve until told to stop."""
    app = App(Settings(options.lock_seconds, options.session_seconds,
                       options.poll_seconds, options.redeliver_seconds))
    server = Server(app.handle)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, app.stopping.set)
    urls = await listen(server, options)
    clock = asyncio.create_task(app.keep_time())
    print("ready", *urls, flush=True)
    stopped = asyncio.create_task(app.stopping.wait())
    await asyncio.wait({clock, stopped}, return_when=asyncio.FIRST_COMPLETED)
    await server.close()
    if clock.done():
        clock.result()
    clock.cancel()


def main(arguments=None):
    """Run the program."""
    made = parser()
    options = made.parse_args(arguments)
    if options.tls and not (options.tls_dir or
                            (options.tls_cert and options.tls_key)):
        made.error("--tls needs --tls-dir, or --tls-cert and --tls-key")
    try:
        asyncio.run(serve(options))
    except OSError as error:
        print(f"github-server: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
