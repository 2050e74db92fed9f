"""``smproc dead-letters``: what the trigger could not process."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from smproc.cli.output import Output, OutputFormat, age, clock, print_json, print_table
from smproc.cli.session import LocalPort, PipelineName, SmprocCommand, Stack, open_pipeline
from smproc.terminal_text import counted, printable, shell_word

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smproc.operations import DeadLetter

_DISCARD_EPILOG = """\
\b
Examples:
  smproc dead-letters discard 5fea7756
  smproc dead-letters discard --all --yes
"""
_SHOWN_LOSSES = 10

app = typer.Typer(no_args_is_help=True, help="List, show and discard what could not be processed.")
Ids = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ID]...", help="The identifiers, or the starts of them, as `list` shows them.", show_default=False
    ),
]


@app.command("list", cls=SmprocCommand)
def list_dead_letters(
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """List both dead-letter queues, the oldest message first, and leave the messages there."""
    from smproc.operations import dead_letters  # noqa: PLC0415 - slow to load

    found = open_pipeline(local, pipeline, stack)
    letters = dead_letters(found)
    if output is OutputFormat.JSON:
        print_json(letters)
        return
    print_table(
        ("ID", "QUEUE", ">AGO", ">RECEIVES", "ABOUT", "REASON"),
        [(one.id, one.queue, age(one.sent), one.receives, one.about, one.reason) for one in letters],
        empty=f"{found.name}: no dead letters",
    )
    if letters:
        option = shell_word(found.name)
        typer.echo(printable(f"once the cause is fixed: smproc redrive --pipeline {option}"))


@app.command("show", cls=SmprocCommand)
def show_dead_letter(
    letter_id: Annotated[str, typer.Argument(metavar="ID", help="The identifier, or the start of it.")],
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    output: Output = OutputFormat.TABLE,
) -> None:
    """Show a whole message."""
    from smproc.operations import chosen, dead_letters  # noqa: PLC0415 - slow to load

    found = open_pipeline(local, pipeline, stack)
    (letter,) = chosen(dead_letters(found), [letter_id])
    if output is OutputFormat.JSON:
        print_json(letter)
        return
    rows = {
        "id": letter.message_id,
        "queue": letter.queue,
        "sent": f"{clock(letter.sent)} UTC",
        "receives": letter.receives,
        "about": letter.about,
        "reason": letter.reason,
        **{f"attribute {name}": value for name, value in letter.attributes.items()},
    }
    for name, value in rows.items():
        typer.echo(printable(f"{name}: {value}"))
    typer.echo(printable(_indented(letter.body), keep="\n"))
    command = f"smproc redrive {letter.id} --pipeline {shell_word(found.name)}"
    typer.echo(printable(f"to send it back, once the cause is fixed: {command}"))


@app.command("discard", cls=SmprocCommand, epilog=_DISCARD_EPILOG)
def discard_dead_letters(
    ids: Ids = None,
    pipeline: PipelineName = None,
    stack: Stack = None,
    local: LocalPort = None,
    all_letters: Annotated[bool, typer.Option("--all", help="Discard all that there are now.")] = False,  # noqa: FBT002
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,  # noqa: FBT002
    output: Output = OutputFormat.TABLE,
) -> None:
    """Delete messages permanently, after showing what is lost with them."""
    from smproc.operations import chosen, dead_letters, discard  # noqa: PLC0415 - slow to load

    if bool(ids) == all_letters:
        raise typer.BadParameter("name some, or pass --all, and not both", param_hint="ID")
    found = open_pipeline(local, pipeline, stack)
    letters = dead_letters(found)
    letters = letters if all_letters else chosen(letters, ids or ())
    is_table = output is OutputFormat.TABLE
    if is_table or not yes:
        _print_losses(letters)
    if letters and not yes:
        typer.confirm(f"Discard {_letters_counted(letters)}?", abort=True, err=not is_table)
    gone = list(discard(found, letters))
    if output is OutputFormat.JSON:
        print_json(gone)
        return
    typer.echo(printable(f"{found.name}: {_letters_counted(gone)} discarded"))
    if len(gone) < len(letters):
        missing = counted(len(letters) - len(gone), "was", "were")
        typer.echo(f"{missing} not there any more: sent back or discarded meanwhile")


def _print_losses(letters: Sequence[DeadLetter]) -> None:
    for letter in letters[:_SHOWN_LOSSES]:
        typer.echo(printable(f"{letter.id}  {letter.about}: {letter.loss}"), err=True)
    if len(letters) > _SHOWN_LOSSES:
        objects = sum(letter.objects for letter in letters[_SHOWN_LOSSES:])
        typer.echo(f"and {len(letters) - _SHOWN_LOSSES:,} more, about {counted(objects, 'object')}", err=True)


def _letters_counted(letters: Sequence[DeadLetter]) -> str:
    return counted(len(letters), "dead letter")


def _indented(body: str) -> str:
    """Return the text of a message; JSON with a line for each member."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
