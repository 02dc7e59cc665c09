"""`emix studio`: EM in a browser, on this machine."""

from __future__ import annotations

import os

import click

from emix.cli.inputs import missing_file
from emix.cli.output import say
from emix.errors import DataError


@click.command(short_help="See EM at work in a browser, on this machine.")
@click.argument("source", metavar="[SOURCE]", required=False)
@click.option("--port", type=click.IntRange(0, 65535), default=0, metavar="N",
              help="Port of 127.0.0.1 to listen on; one that is free unless given.")
@click.option("--open/--no-open", "is_opened", default=True,
              help="Open the address in a browser, or only print it.")
@click.option("--max-upload", type=click.IntRange(min=1), default=512, show_default=True,
              metavar="MB", help="The largest file that may be dropped.")
def studio(source: str | None, port: int, is_opened: bool, max_upload: int) -> None:
    """See EM at work in a browser: step by step, from starts placed by hand, beside K-Means.

    Listens on 127.0.0.1 alone, to the browser that opens the printed address, which works once.
    Nothing leaves this machine. Needs emix[studio]. Ctrl-C ends it.

    \b
    Examples:
      emix studio
      emix studio faithful
      emix studio heights.csv --no-open
    """
    from emix import datasets
    from emix.studio.serving import serve

    if source is not None and not datasets.is_name(source) and not os.path.exists(source):
        raise DataError(missing_file(source))

    def told(address: str) -> None:
        click.echo(address)
        say("emix studio is at the address above, on this machine alone; Ctrl-C ends it")
        if is_opened:
            import webbrowser

            webbrowser.open(address)

    serve(source, port, told, max_upload << 20)
    say("stopped")
