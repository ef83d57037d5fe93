"""How commands end: one clear message and an exit code for whatever goes wrong."""

from __future__ import annotations

import signal
import sys
import traceback
from types import FrameType
from typing import Any

import click

from loadlab.cli.exit_codes import INTERRUPTED, UNEXPECTED
from loadlab.errors import LoadlabError, nearest_name


class SuggestingGroup(click.Group):
    """Answers a misspelt command with the nearest one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the first argument names, or a UsageError with the nearest one."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            nearest = nearest_name(name, self.list_commands(ctx))
            hint = f" Did you mean '{nearest}'?" if nearest else ""
            raise click.UsageError(f"No such command '{name}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


class CommandGroup(SuggestingGroup):
    """Turns errors into messages and exit codes, and a misspelt command or option into one suggestion.

    A LoadlabError ends with its own exit code. An interrupt ends with 130; SIGTERM counts as one. An unexpected
    exception is shown with its traceback and ends with 4, because 1 means a missed criterion.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        signal.signal(signal.SIGTERM, _interrupt)
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(errors="replace")  # a terminal without UTF-8 shows '?' instead of ending the command
        try:
            return super().invoke(ctx)
        except LoadlabError as error:
            click.echo(f"loadlab: {error}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt as interrupt:
            click.echo(f"loadlab: interrupted{f': {interrupt}' if str(interrupt) else ''}", err=True)
            ctx.exit(INTERRUPTED)
        except click.NoSuchOption as error:
            nearest = (error.possibilities or [])[:1]
            raise click.NoSuchOption(error.option_name, error.message, nearest, error.ctx) from None
        except (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError):
            raise
        except Exception:  # noqa: BLE001 - see the docstring
            traceback.print_exc()
            ctx.exit(UNEXPECTED)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """What SIGTERM does: what Ctrl-C would do now."""
    handler = signal.getsignal(signal.SIGINT)
    if callable(handler):
        handler(signal.SIGINT, frame)
    else:  # a shell script's background job, which ignores Ctrl-C
        raise KeyboardInterrupt
