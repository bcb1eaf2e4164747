"""The command `streamproof`: parses, calls, prints, exits.

Must not decide anything else. Exit codes are those of `runner.result.ExitCode`; after a
signal 128 and its number, as a shell expects.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import signal
import sys
import traceback
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata, resources
from pathlib import Path
from typing import Annotated, get_type_hints

import anyio
import typer
from rich.console import Console

from . import profiles
from .checkup import plan_checkup
from .command_words import Plain, in_plain_words
from .errors import HarnessError, UsageError
from .model import Level
from .options import Options
from .probes import Probe
from .report.files import (
    expect_apart,
    expect_writable,
    files_of_folder,
    write,
    write_report_folder,
)
from .report.formats import FORMATS
from .report.listing import explain_lines, list_lines
from .report.progress import ChangingLine, PlainLines, Reporter, WarningsOnly
from .report.streams import make_lasting, why_not_written
from .report.terminal import make_console, print_report
from .runner.causes import cause_of
from .runner.events import RunEvent, RunFinished
from .runner.plan import Filters, make_plan, select
from .runner.result import ExitCode, RunResult
from .runner.suite import built_in_suite
from .session import Interrupted, run_until_signal

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Prove that a streaming LLM endpoint keeps its promises.",
)
profiles_app = typer.Typer(
    rich_markup_mode=None,
    invoke_without_command=True,
    help="What implementations say about themselves: list, show, schema, check.",
)
app.add_typer(profiles_app, name="profiles")

_DEBUG = "--debug"
_STDOUT = Path("-")
_READER_LEFT = 128 + signal.SIGPIPE


def main() -> None:
    """Run the command line and exit."""
    make_lasting()
    sys.exit(_after_writing(_run_words()))


def _run_words() -> int:
    """Run the command line; return the exit code, what broke being told."""
    # Every command has it, wherever it stands; `_tell` looks for it.
    words = [word for word in sys.argv[1:] if word != _DEBUG]
    try:
        code = app(words, prog_name="streamproof", standalone_mode=False)
    except typer.TyperException as refused:
        refused.message = in_plain_words(refused.message)
        refused.show()  # type: ignore[attr-defined]  # all that are raised have it
        return refused.exit_code
    except Exception as problem:  # noqa: BLE001 -- the last place where it can be told
        return _tell(cause_of(problem))
    return code if isinstance(code, int) else 0


def _after_writing(code: int) -> int:
    """Say what could not be written to stdout; return the exit code then.

    A reader that went away has seen what it wanted: that changes no verdict.
    """
    problem = why_not_written(sys.stdout)
    if problem is None or isinstance(problem, BrokenPipeError):
        return code
    reason = (problem.strerror or str(problem)).lower()
    sys.stderr.write(f"streamproof: cannot write to stdout: {reason}\n")
    return code or int(ExitCode.HARNESS_ERROR)


def _tell(problem: Exception) -> int:
    """Say on stderr what went wrong; return the exit code for it."""
    match problem:
        case UsageError():
            text, code = str(problem), int(ExitCode.USAGE)
        case Interrupted():
            text, code = f"{problem}, everything is cleaned up", problem.exit_code
        case HarnessError():
            text, code = str(problem), int(ExitCode.HARNESS_ERROR)
        case _:
            text = f"the suite itself broke: {problem!r}"
            code = int(ExitCode.HARNESS_ERROR)
    if _DEBUG in sys.argv:
        traceback.print_exception(problem)
    elif code == ExitCode.HARNESS_ERROR:
        text += "; --debug shows where"
    sys.stderr.write(f"streamproof: {text}\n")
    return code


def _print_version(is_wanted: bool) -> None:
    if is_wanted:
        _echo([f"streamproof {metadata.version('streamproof')}"])
        raise typer.Exit


@app.callback()
def _options_of_all_commands(
    *,
    version: Annotated[  # its callback does it all
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Say which it is."
        ),
    ] = False,
    debug: Annotated[  # shown here; `main` takes it away
        bool,
        typer.Option(
            _DEBUG, help="Show where the suite itself broke; may stand anywhere."
        ),
    ] = False,
) -> None:
    pass


_ProfileOption = Annotated[
    str,
    typer.Option(
        "--profile", "-p", metavar="NAME|FILE", help="A built-in one, or a TOML file."
    ),
]
_TopicOption = Annotated[
    list[str] | None,
    typer.Option(metavar="TOPIC", help="Only this topic.  [default: all]"),
]


def _with_report_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command an option for each report format, in place of `report_files`.

    The command gets those files that were asked for, by format.
    """

    @functools.wraps(command)
    def with_files(**values: object) -> None:
        files = {name: values.pop(f"{name}_file") for name in FORMATS}
        asked = {name: path for name, path in files.items() if path is not None}
        command(report_files=asked, **values)

    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    for parameter in inspect.signature(command).parameters.values():
        if parameter.name != "report_files":
            parameters.append(parameter.replace(annotation=hints[parameter.name]))
            continue
        for name, each in FORMATS.items():
            option = typer.Option(
                f"--{name}",
                metavar="FILE",
                help=f"Write the {each.title} report here; - is stdout.",
            )
            hint = Annotated[Path | None, option]
            own = parameter.replace(name=f"{name}_file", default=None, annotation=hint)
            parameters.append(own)
    with_files.__annotations__ = {each.name: each.annotation for each in parameters}
    with_files.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what `inspect` and typer look for
    return with_files


@app.command(cls=Plain)
@_with_report_options
def run(
    *,
    profile: _ProfileOption,
    url: Annotated[
        str | None,
        typer.Argument(metavar="URL", help="Base URL of a target that runs already."),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            metavar="CMD",
            help="Start the target, with {port} and {upstream} filled in. It inherits "
            "the environment, so a secret of --token-secret-env reaches it that way.",
        ),
    ] = None,
    start_upstream: Annotated[
        str | None,
        typer.Option(
            metavar="CMD", help="Start the fake provider too, with {port} filled in."
        ),
    ] = None,
    control: Annotated[
        str | None,
        typer.Option(
            metavar="URL", help="Base URL of the fake provider behind the target."
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ID",
            help="Only this requirement, or pattern of ids.  [default: all]",
        ),
    ] = None,
    topic: _TopicOption = None,
    level: Annotated[
        list[Level] | None,
        typer.Option(
            metavar="MUST|SHOULD",
            case_sensitive=False,
            help="Only this level.  [default: both]",
        ),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="A violated SHOULD fails too.")
    ] = False,
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override a figure of the profile."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="What users and keys are made from.  [default: new for each run]",
        ),
    ] = None,
    token_secret_env: Annotated[
        str | None,
        typer.Option(
            metavar="VAR", help="Mint tokens from the HS256 secret in this variable."
        ),
    ] = None,
    token_secret_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Mint tokens from the secret in this file."),
    ] = None,
    token_env: Annotated[
        str | None, typer.Option(metavar="VAR", help="Use the token in this variable.")
    ] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Use the token in this file.")
    ] = None,
    token_command: Annotated[
        str | None,
        typer.Option(
            metavar="CMD", help="Use what this command prints, {user} filled in."
        ),
    ] = None,
    report_files: Mapping[str, Path],
    report_dir: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write all here, and the transcripts of what failed."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Only failures and the verdict.")
    ] = False,
    no_color: Annotated[bool, typer.Option("--no-color", help="No colours.")] = False,
) -> None:
    """Check a target against a profile.

    Exit codes: 0 conformant, 1 not conformant, 2 usage or profile error, 3 incomplete
    (something could not be tested), 4 the suite itself broke or was too slow, 129, 130
    or 143 ended by SIGHUP, SIGINT or SIGTERM.
    """
    options = Options(
        profile=profile,
        settings=tuple(set_ or ()),
        filters=Filters(
            only=tuple(only or ()), topics=tuple(topic or ()), levels=tuple(level or ())
        ),
        url=url,
        start=start,
        start_upstream=start_upstream,
        control=control,
        tokens={
            "--token-secret-env": token_secret_env,
            "--token-secret-file": token_secret_file,
            "--token-env": token_env,
            "--token-file": token_file,
            "--token-command": token_command,
        },
        seed=seed,
        strict=strict,
    )
    checkup = plan_checkup(built_in_suite(), options)
    output = _Output(
        files=report_files, folder=report_dir, is_quiet=quiet, no_color=no_color
    )
    profile_name = checkup.config.plan.profile.name
    output.expect_writable(
        profile_name,
        {
            "the profile": Path(profile) if Path(profile).is_file() else None,
            "--token-file": token_file,
            "--token-secret-file": token_secret_file,
        },
    )
    reporter = _reporter(is_quiet=quiet)
    if checkup.commands and not quiet:
        started = " and ".join(command.option for command in checkup.commands)
        sys.stderr.write(f"starting the command of {started}\n")
    so_far: list[RunResult] = []

    def tell(event: RunEvent) -> None:
        reporter.tell(event)
        if isinstance(event, RunFinished):
            so_far.append(event.result)

    work = partial(checkup.run, emit=tell, warn=reporter.warn)
    try:
        result = anyio.run(run_until_signal, work)
    except Interrupted:
        reporter.close()
        for partial_result in so_far:
            output.write(partial_result, checkup.secrets)
        raise
    finally:
        reporter.close()
    output.write(result, checkup.secrets)
    raise typer.Exit(int(result.exit_code))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Output:
    """Where the reports of a run go; one of them may go to stdout, called `-`."""

    files: Mapping[str, Path]
    folder: Path | None
    is_quiet: bool
    no_color: bool

    def expect_writable(self, profile: str, inputs: Mapping[str, Path | None]) -> None:
        """Raise `UsageError` for a report that cannot be written, or not there."""
        outputs = {f"--{name}": path for name, path in self.files.items()}
        if self.folder is not None:
            files = files_of_folder(self.folder, profile)
            outputs |= {
                f"the {name} file of --report-dir": files[name] for name in files
            }
        expect_apart(outputs, {name: path for name, path in inputs.items() if path})
        for path in outputs.values():
            if path != _STDOUT:
                expect_writable(path)

    def write(self, result: RunResult, secrets: Collection[str]) -> None:
        """Write every report, first the one for people, which needs no disk."""
        has_stdout = _STDOUT not in self.files.values()
        console = make_console(
            sys.stdout if has_stdout else sys.stderr, no_color=self.no_color
        )
        print_report(result, console, is_quiet=self.is_quiet)
        for name, path in self.files.items():
            text = FORMATS[name].to_text(result)
            if path == _STDOUT:
                sys.stdout.write(text)
            else:
                write(path, text)
        note = ""
        if self.folder is not None:
            transcripts = write_report_folder(self.folder, result, secrets)
            note = f"reports in {self.folder}"
            if transcripts:
                note += f"; transcripts of what failed in {transcripts}"
        if note and not self.is_quiet:
            sys.stderr.write(f"{note}\n")


def _reporter(*, is_quiet: bool) -> Reporter:
    if is_quiet:
        return WarningsOnly(sys.stderr)
    console = Console(file=sys.stderr)
    if sys.stderr.isatty() and not console.is_dumb_terminal:
        return ChangingLine(sys.stderr, console.width)
    return PlainLines(sys.stderr)


@app.command(name="list")
def list_(
    topic: _TopicOption = None,
    profile: Annotated[
        str | None,
        typer.Option(
            "--profile",
            "-p",
            metavar="NAME|FILE",
            help="Mark what this profile rules out.",
        ),
    ] = None,
) -> None:
    """List all requirements: id, level, rule."""
    filters = Filters(topics=tuple(topic or ()))
    if profile is None:
        lines = list_lines(select(built_in_suite().requirements, filters), {})
    else:
        plan = make_plan(built_in_suite(), profiles.load(profile), filters)
        lines = list_lines(plan.selected, plan.undeclared)
    _echo(lines)


@app.command(cls=Plain)
def explain(id_: Annotated[str, typer.Argument(metavar="ID")]) -> None:
    """Explain a requirement: rule, source, remedy, and how it is probed."""
    suite = built_in_suite()
    known = {requirement.id: requirement for requirement in suite.requirements}
    if id_ not in known:
        if id_ in {requirement.topic for requirement in suite.requirements}:
            hint = f"it is a topic, see `streamproof list --topic {id_}`"
        elif near := difflib.get_close_matches(id_.lower(), known, n=3, cutoff=0.4):
            hint = f"did you mean {' or '.join(near)}?"
        else:
            hint = "see `streamproof list`"
        raise UsageError(f"unknown requirement {id_!r}; {hint}")
    does = {name: _what_it_does(probe) for name, probe in suite.probes.items()}
    _echo(explain_lines(known[id_], does, Console().width))


def _what_it_does(probe: Probe) -> str:
    run = probe.run.func if isinstance(probe.run, partial) else probe.run
    return inspect.getdoc(run) or "(not described)"


@profiles_app.callback()
def profiles_default(context: typer.Context) -> None:
    """List the built-in profiles."""
    if context.invoked_subcommand is None:
        list_profiles()


@profiles_app.command(name="list")
def list_profiles() -> None:
    """List the built-in profiles."""
    names = profiles.built_in_names()
    width = max(map(len, names))
    _echo(f"{name:<{width}}  {profiles.load(name).title}" for name in names)


@profiles_app.command(cls=Plain)
def show(name: Annotated[str, typer.Argument(metavar="NAME")]) -> None:
    """Print a built-in profile, to be copied and changed."""
    if name not in profiles.built_in_names():
        near = difflib.get_close_matches(name.lower(), profiles.built_in_names(), n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise UsageError(
            f"expected one of {', '.join(profiles.built_in_names())}, got {name!r}"
            + hint
        )
    file = resources.files(profiles).joinpath(f"{name}.toml")
    _echo(file.read_text("utf-8").splitlines())


@profiles_app.command()
def schema() -> None:
    """Print the JSON Schema of profiles, for an editor."""
    _echo([profiles.json_schema()])


@profiles_app.command(cls=Plain)
def check(file: Annotated[str, typer.Argument(metavar="FILE")]) -> None:
    """Read a profile and say what it promises, or what is wrong with it."""
    plan = make_plan(built_in_suite(), profiles.load(file), Filters())
    applicable = len(plan.selected) - len(plan.undeclared)
    said = f"{file}: profile {plan.profile.name!r} is well-formed"
    _echo([f"{said}; {applicable} of {len(plan.selected)} requirements apply"])


def _echo(lines: Iterable[str]) -> None:
    # Not typer.echo, which takes an ASCII stream for a mistake and writes UTF-8.
    for line in lines:
        sys.stdout.write(f"{line}\n")
    if isinstance(why_not_written(sys.stdout), BrokenPipeError):
        raise typer.Exit(_READER_LEFT)
