"""What the commands share: the console, errors, signals, and the pieces of a review."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, date, datetime
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, NoReturn, TypeVar

from gatekeeper.errors import ConfigError, GatekeeperError, Interrupted
from gatekeeper.report.escape import visible_lines

# --help and the like import nothing that only a review needs; mypy still wants the names.
if TYPE_CHECKING:
    from rich.console import Console

    from gatekeeper.config import Config
    from gatekeeper.report.markdown import OwnTemplate
    from gatekeeper.scratch.base import ScratchServer
    from gatekeeper.scratch.rundir import RunDirectory

T = TypeVar("T")
USAGE_ERROR = 2
_LARGEST_TEMPLATE = 256_000  # bytes


def today() -> date:
    """Give the day on which waivers are judged, the same everywhere on earth."""
    return datetime.now(tz=UTC).date()


def error_console() -> "Console":
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def fail(error: GatekeeperError) -> NoReturn:
    """Print an error and the way out, and end with status 2."""
    from rich.text import Text

    console = error_console()
    text = Text("error: ", style="bold red")
    text.append(visible_lines(error.message), style="not bold default")
    console.print(text)
    if error.hint:
        console.print(Text(visible_lines(error.hint), style="green"))
    raise SystemExit(USAGE_ERROR)


@contextmanager
def errors_reported() -> Iterator[None]:
    """Turn errors that a user can mend into messages, and signals into their exit statuses."""
    try:
        yield
    except GatekeeperError as error:
        fail(error)
    except KeyboardInterrupt:
        error_console().print("interrupted")
        raise SystemExit(128 + signal.SIGINT) from None
    except Interrupted:
        error_console().print("terminated")
        raise SystemExit(128 + signal.SIGTERM) from None
    except BrokenPipeError:  # the reader of our output has seen enough
        with suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(USAGE_ERROR) from None


@contextmanager
def signals_unwind() -> Iterator[None]:
    """Let SIGTERM and SIGHUP unwind the stack as Ctrl-C does, so that everything is cleaned up."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise Interrupted

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def progress_shown(*, quiet: bool, about: str = "") -> Iterator[Callable[[str], None]]:
    """Show what is being done, on a terminal only, on standard error."""
    if quiet or not (console := error_console()).is_terminal:
        yield lambda _: None
        return
    with console.status("starting") as status:
        start = f"{about}: " if about else ""
        yield lambda text: status.update(visible_lines(start + text))


@contextmanager
def run_directory() -> "Iterator[RunDirectory]":
    """Give a private directory that is gone afterwards, with all processes recorded in it."""
    import logging

    from gatekeeper.scratch.rundir import RunDirectory

    # What it would say of connections that an interruption broke is of no use to anybody.
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)
    with ExitStack() as stack, signals_unwind():
        run = RunDirectory()
        stack.callback(run.close)
        yield run


def read_config(path: Path | None, commit: str | None = None) -> "Config":
    """Read gatekeeper.yml from the working tree, or from a commit of the repository around it."""
    from gatekeeper.config import load_config
    from gatekeeper.tree import CommitTree

    if commit is not None:
        from gatekeeper.git import Repository

        repository = Repository(Path.cwd())
        tree = CommitTree(repository, repository.commit(commit))
        return load_config(path, _entered(repository.root), tree)
    if path is not None and not path.is_file():
        raise ConfigError(
            f"{path}: there is no such file", "Leave --config-file out to use the defaults."
        )
    return load_config(path, Path.cwd())


def _entered(root: Path) -> Path:
    """Give the working directory as the shell calls it, if that is in the repository.

    A link on the way may be the pull request's, and lead to where the commit has another
    configuration.
    """
    path = Path(os.environ.get("PWD", ""))
    known = path.is_relative_to(root) and path.is_dir() and path.samefile(Path.cwd())
    return path if known else Path.cwd()


def own_template(config: "Config") -> "OwnTemplate | None":
    """Read the project's own template of the Markdown report, if it has one."""
    if config.template is None:
        return None
    from gatekeeper.report.markdown import OwnTemplate

    (text,) = config.tree.read(config.template, most_bytes=_LARGEST_TEMPLATE)
    return OwnTemplate(text, config.tree.display(config.template))


def server_starter(
    run: "RunDirectory", config: "Config", database_url: str | None, *, cache: bool = True
) -> "Callable[[], ScratchServer]":
    """Give a function that starts the scratch server: a URL's, or one of our own.

    One of our own begins with an empty cluster of the `cache`.
    """
    url = database_url or config.database.url

    def start() -> "ScratchServer":
        if url is not None:
            from gatekeeper.scratch.server import UrlServer

            return UrlServer(url, allow_remote=config.database.allow_remote)
        from gatekeeper.cli.cache import store_of_user

        store = store_of_user() if cache else None
        if config.database.server == "local":
            from gatekeeper.scratch.local import start_local

            return start_local(run, store)
        from gatekeeper.scratch.embedded import start_embedded

        return start_embedded(run, store)

    return start


@contextmanager
def in_background(call: "Callable[[], T]") -> "Iterator[Callable[[], T]]":
    """Do something in another thread; what is given waits for it, and so does the end."""
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=1) as pool:
        yield pool.submit(call).result


def is_embedded(config: "Config", database_url: str | None) -> bool:
    """Say whether the scratch server is the one that Gatekeeper brings."""
    return not (database_url or config.database.url) and config.database.server == "embedded"


def write_whole(path: Path, text: str) -> None:
    """Write a text file whole or not at all. Raises GatekeeperError when it cannot be written."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file whole or not at all. Raises GatekeeperError when it cannot be written."""
    target = path.resolve()
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if target.exists() and not target.is_file():  # a pipe, or /dev/stdout
            target.write_bytes(data)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            draft.write_bytes(data)
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise GatekeeperError(
            f"{path}: cannot be written: {error.strerror}", "Give another path."
        ) from error
