"""The base's database, kept between runs: whoever built it once does not build it again.

What is kept is a whole cluster, stopped, with what it was made of. It counts only for a base that
is made of the same, or begins with the same: then only the rest of the history runs.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from hashlib import sha256
from time import perf_counter
from typing import TYPE_CHECKING

from gatekeeper.config_database import ProductionRole
from gatekeeper.scratch.base import Address
from gatekeeper.scratch.cluster import Cluster
from gatekeeper.scratch.image import Damaged
from gatekeeper.scratch.prepared import begin_empty
from gatekeeper.scratch.store import Kept, Store

if TYPE_CHECKING:  # the cluster is started before what only sources need is imported
    from gatekeeper.scratch.private import PrivateCluster
    from gatekeeper.sources.base import Made, Source

WORTH = 0.25  # seconds that its migrations ran; keeping takes half of that
_MOST_TRIED = 20
_FORMAT = "1"  # of what is said of a base; another is not looked at


@dataclass(frozen=True, slots=True)
class Found:
    """A database that a base begins with, or is; `seconds` is how long its migrations ran."""

    database: Address
    made: "Made"
    roles: tuple[ProductionRole, ...]
    seconds: float


class Bases:
    """The bases that are kept for one project, and the cluster of this run.

    `key` is what decides about every base of it: settings, environment, version. `home` names the
    repository, whose last base is unpacked while the migrations are loaded. `told` says what became
    of it, for people.
    """

    def __init__(
        self,
        store: Store,
        key: Sequence[str],
        home: str,
        make: Callable[[], Cluster],
        worth: float = WORTH,
    ) -> None:
        self._store = store
        self._key = "\n".join((_FORMAT, *key))
        self._home = home
        self._make = make
        self._worth = worth
        self._current: Kept | None = None  # what the cluster was begun with; None: it is empty
        self._base: Kept | None = None  # the base of this run
        self._cluster: Cluster | None = None
        self._server: PrivateCluster | None = None
        self.told = "not asked for"

    def start(self) -> "PrivateCluster":
        """Start the cluster on the base of this repository that was used last, or empty."""
        self._cluster = cluster = self._make()
        # A digest: the environment has secrets, which are not to be written down.
        self._key = sha256(f"{self._key}\n{cluster.version}".encode()).hexdigest()
        newest = next(self._store.kept(self._key), None)
        if newest is None or newest.about["home"] != self._home or not self._begin(newest):
            self._begin_empty()
        from gatekeeper.scratch.private import PrivateCluster

        self._server = PrivateCluster(cluster)
        return self._server

    def find(self, source: "Source") -> Found | None:
        """Give a database with which the source's base begins, after prepare(); the cluster has it.

        None: there is none, and the cluster is empty.
        """
        from gatekeeper.sources.base import Keepable

        if isinstance(source, Keepable):
            self.told = "none is kept"
            for kept in self._candidates():
                made = _made(kept)
                why = source.fits(made)
                if why is not None:
                    self.told = f"what is kept does not fit: {why}"
                elif kept == self._current or self._begin(kept):
                    source.go_on(made)
                    self._base = kept
                    return self._found(kept, made)
        if self._current is not None:
            self._begin_empty()
        return None

    @property
    def holds(self) -> bool:
        """Say whether the base of this run is kept."""
        return self._base is not None

    def again(self) -> Address | None:
        """Begin anew on the base, if it is kept; what is in the cluster is gone."""
        if self._base is None:
            return None
        if self._begin(self._base):
            return self._address(self._base)
        self._begin_empty()
        return None

    def keep(
        self,
        source: "Source",
        database: Address,
        roles: Sequence[ProductionRole],
        found: Found | None,
        progress: Callable[[str], None],
    ) -> None:
        """Keep the cluster, with the base just built in `database`; nobody may be connected.

        `found` is what it began with. What goes wrong here is only told: the run goes on without.
        """
        from gatekeeper.sources.base import Keepable

        if not isinstance(source, Keepable):
            return
        made = source.made()
        if made is None:  # the base is what was found, and no more
            return
        self._base = None
        seconds = source.took
        if isinstance(made, str) or seconds < self._worth:
            why = made if isinstance(made, str) else f"its migrations ran {seconds:.2f} s"
            self.told += f"; not kept: {why}"
            return
        about = {
            "home": self._home,
            "database": database.database,
            "made": asdict(made),
            "roles": [asdict(role) for role in roles],
            "seconds": seconds + (found.seconds if found is not None else 0.0),
        }
        progress("keeping the base schema")
        start = perf_counter()
        with self._running().stopped() as data:
            try:
                self._base = self._store.keep(self._key, repr(made), about, data)
            except (Damaged, OSError) as error:
                self.told += f"; not kept: {error}"
            else:
                took = perf_counter() - start
                size = self._base.path.stat().st_size / 1e6
                self.told += f"; kept, {size:.0f} MB in {took:.2f} s"

    def _candidates(self) -> list[Kept]:
        """Give what is kept: where most of the history is done first, and then what is at hand."""
        kept = list(self._store.kept(self._key))[:_MOST_TRIED]
        return sorted(kept, key=lambda k: (-len(k.about["made"]["revisions"]), k != self._current))

    def _begin(self, kept: Kept) -> bool:
        """Start the cluster on a base; False: it is damaged, and thrown away.

        Then nothing runs, until something else is begun.
        """
        fill = partial(self._store.fill, kept)
        self._current = kept
        if self._running().begin_with(fill, kept.about["database"]):
            return True
        self._store.forget(kept)
        return False

    def _begin_empty(self) -> None:
        begin_empty(self._running(), self._store)
        self._current = None

    def _found(self, kept: Kept, made: "Made") -> Found:
        about = kept.about
        self.told = f"{len(made.revisions)} revisions were kept ({about['seconds']:.2f} s)"
        return Found(
            self._address(kept),
            made,
            tuple(_role(**role) for role in about["roles"]),
            about["seconds"],
        )

    def _address(self, kept: Kept) -> Address:
        assert self._server is not None  # noqa: S101 - start() comes first
        return self._server.address(kept.about["database"])

    def _running(self) -> Cluster:
        assert self._cluster is not None  # noqa: S101 - start() comes first
        return self._cluster


def _role(name: str, member_of: list[str], attributes: list[str]) -> ProductionRole:
    return ProductionRole(name, tuple(member_of), tuple(attributes))


def _made(kept: Kept) -> "Made":
    from gatekeeper.sources.base import Made

    fields = kept.about["made"]
    return Made(
        revisions=tuple(fields["revisions"]),
        files=tuple((name, digest) for name, digest in fields["files"]),
        tools=fields["tools"],
        version_tables=tuple((schema, table) for schema, table in fields["version_tables"]),
    )
