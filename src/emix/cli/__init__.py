"""The command line: `emix COMMAND`.

Data goes to standard output, words to standard error. Exit codes are in `emix.cli.exits`.
"""

from __future__ import annotations

import errno
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from emix.cli.certify import certify
from emix.cli.exits import Exit, Refusal, exit_of
from emix.cli.fit import fit
from emix.cli.floors import floors
from emix.cli.info import info
from emix.cli.output import printable
from emix.cli.predict import predict
from emix.cli.sample import sample
from emix.cli.select import select
from emix.cli.show import show
from emix.cli.steps import steps
from emix.cli.studio import studio
from emix.errors import EmixError, ParameterError

__all__ = ["main"]


class Commands(click.Group):
    """The commands, with errors turned into a message and an exit code, never a traceback."""

    def main(
        self, args: Sequence[str] | None = None, prog_name: str | None = None,
        complete_var: str | None = None, standalone_mode: bool = True, **extra: Any,
    ) -> Any:
        # The words given are kept as the context's object, for the model file to remember.
        given = list(sys.argv[1:] if args is None else args)
        _accept_greek()
        try:
            try:
                return super().main(given, "emix", complete_var, standalone_mode,
                                    obj=given, **extra)
            finally:
                if sys.stdout is not None:
                    sys.stdout.flush()
        except OSError as error:
            _silence()
            if error.errno != errno.EPIPE:
                click.echo(f"Error: standard output: cannot be written: "
                           f"{error.strerror or error}", err=True)
            sys.exit(Exit.OUTPUT)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            _check_instruction_set()
            return super().invoke(ctx)
        except (EmixError, Refusal) as error:
            # Names of columns and files come from outside and stand in messages.
            click.echo(f"Error: {printable(str(error))}", err=True)
            ctx.exit(exit_of(error))
        except MemoryError as error:
            click.echo(f"Error: not enough memory: {error}", err=True)
            ctx.exit(Exit.OUTPUT)
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(Exit.INTERRUPTED)


def _accept_greek() -> None:
    """Write escapes where the terminal's or pipe's encoding has no σ, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _silence() -> None:
    """Send what is left for standard output nowhere, or Python would complain of it at exit."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):
        pass


def _check_instruction_set() -> None:
    if not os.environ.get("EMIX_INSTRUCTION_SET"):
        return
    from emix.kernels import instruction_set

    try:
        instruction_set()
    except ValueError as reason:
        raise ParameterError(str(reason)) from None


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        import emix

        click.echo(f"emix {emix.__version__}")
        ctx.exit()


@click.group(
    cls=Commands,
    name="emix",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="""\b
SOURCE, wherever a command takes one, is
  faithful        a bundled data set: acidity, banknote, diabetes, enzyme, faithful, galaxies,
                  galaxies_fixed, iris, teaching, thyroid, wine. The name always means the
                  data set; a file of that name in the working directory is ./faithful
  heights.csv     a CSV, TSV, Parquet or .npy file
  'data/*.csv'    the files that a pattern matches, or those of a folder, one after the other; more
                  than fit into memory are read anew in each pass (fit, select,
                  predict)
  -               standard input

\b
Data goes to standard output, words to standard error. Exit codes: 0 fine, 1 something could
not be written, 2 usage, 3 data, 4 not converged, 5 model file, 130 interrupted.""",
)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_version,
              help="Print the version and exit.")
def main() -> None:
    """Gaussian mixtures by Expectation-Maximization.

    \b
    Examples:
      emix fit faithful --columns waiting -k 2
      emix fit faithful -k 2 --covariance VVE
    """


for command in (fit, certify, floors, select, steps, show, predict, sample, studio, info):
    main.add_command(command)
