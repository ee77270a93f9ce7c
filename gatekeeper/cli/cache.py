"""Where bases are kept between runs, and when they are not trusted."""

import os
from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper import __version__
from gatekeeper.cli.actions import is_actions

if TYPE_CHECKING:
    from gatekeeper.bases import Bases
    from gatekeeper.config import Config
    from gatekeeper.scratch.cluster import Cluster
    from gatekeeper.scratch.rundir import RunDirectory
    from gatekeeper.scratch.store import Store

_FOLDER = "GATEKEEPER_CACHE_DIR"
_MOST_BYTES = 1_000_000_000


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Give the folder for what is kept between runs; None: nothing is.

    In CI only where GATEKEEPER_CACHE_DIR names one, since a runner is thrown away; and then not
    for a fork's pull request: what a stranger's code left there, or finds, is nobody's base.
    """
    given = environ.get(_FOLDER)
    if is_actions(environ):
        return Path(given) if given and _is_own(environ) else None
    if given:
        return Path(given)
    home = environ.get("XDG_CACHE_HOME") or (environ.get("HOME") and f"{environ['HOME']}/.cache")
    return Path(home, "gatekeeper") if home and environ.get("CI") is None else None


def _is_own(environ: Mapping[str, str]) -> bool:
    """Say whether what runs is the repository's own: a push, or a pull request from a branch."""
    from gatekeeper.errors import GatekeeperError
    from gatekeeper.github.event import PullRequest, Push, read_event

    try:
        event = read_event(environ)
    except GatekeeperError:
        return False
    return isinstance(event, Push) or (isinstance(event, PullRequest) and not event.is_fork)


def store_of_user() -> "Store | None":
    """Give what is kept between runs; None: nothing is."""
    from gatekeeper.scratch.store import Store

    folder = cache_folder()
    return None if folder is None else Store(folder)


def kept_bases(run: "RunDirectory", config: "Config", root: Path) -> "Bases | None":
    """Give the bases that are kept of a project in the repository at `root`, and its cluster."""
    store = store_of_user()
    if store is None:
        return None
    from gatekeeper.bases import Bases
    from gatekeeper.scratch.embedded import embedded
    from gatekeeper.scratch.local import local
    from gatekeeper.sources.alembic.child import PROBE, environment_of

    def make() -> "Cluster":
        return (local if config.database.server == "local" else embedded)(run)

    key = (
        __version__,
        sha256(PROBE.read_bytes()).hexdigest(),
        os.path.relpath(config.root, root),
        repr((replace(config.migrations, timeout=0), config.database)),
        *_scripts(config),
        repr(sorted(lasting(environment_of(config.migrations.env)).items())),
    )
    return Bases(store, key, str(root), make)


def _scripts(config: "Config") -> list[str]:
    """Give the texts of what runs before the first revision; who runs them says what is missing."""
    from gatekeeper.errors import ConfigError

    baseline = config.database.baseline
    dump = () if baseline is None or baseline.dump is None else (baseline.dump,)
    try:
        return config.tree.read(*config.database.bootstrap, *dump, most_bytes=_MOST_BYTES)
    except ConfigError:
        return []


# Variables that differ between two terminals or two jobs and say nothing of the application; those
# that end in _ are the beginning of several.
_PASSING = (
    "PWD", "OLDPWD", "SHLVL", "_", "TERM", "TERM_", "COLORTERM", "COLUMNS", "LINES", "LS_COLORS",
    "SSH_", "XDG_", "DBUS_", "DISPLAY", "WAYLAND_", "WINDOWID", "TMUX", "TMUX_", "STY", "VSCODE_",
    "ITERM_", "HISTFILE", "HISTSIZE", "PS1", "PROMPT", "LESS", "PAGER", "EDITOR", "VISUAL", "GPG_",
    "INVOCATION_ID", "JOURNAL_STREAM", "SYSTEMD_", "MANAGERPID", "SESSION_MANAGER", "GNOME_",
    "KDE_", "DESKTOP_", "VTE_", "KONSOLE_", "CI_", "BUILD_", "JENKINS_", "BUILDKITE_", "CIRCLE_",
    "TRAVIS_", "PYTEST_", "VIRTUAL_ENV_PROMPT",
)  # fmt: skip
_BEGINNINGS = tuple(name for name in _PASSING if name.endswith("_") and name != "_")


def lasting(environment: Mapping[str, str]) -> dict[str, str]:
    """Give the variables that may decide what migrations do."""
    return {
        name: value
        for name, value in environment.items()
        if name not in _PASSING and not name.startswith(_BEGINNINGS)
    }
