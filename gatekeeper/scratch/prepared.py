"""The empty cluster, which initdb makes once: unpacking one takes a third of the time."""

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from gatekeeper import __version__
from gatekeeper.scratch.cluster import Cluster
from gatekeeper.scratch.image import Damaged
from gatekeeper.scratch.store import Store

if TYPE_CHECKING:  # psycopg is imported when the server is there
    from gatekeeper.scratch.private import PrivateCluster

_DATABASE = "scratch_0"  # there is none: the first that is made gets the next name


def started(cluster: Cluster, store: Store | None) -> "PrivateCluster":
    """Start an empty cluster and give the server that it is. Raises ScratchError."""
    begin_empty(cluster, store)
    from gatekeeper.scratch.private import PrivateCluster

    return PrivateCluster(cluster)


def begin_empty(cluster: Cluster, store: Store | None) -> None:
    """Start a cluster as initdb makes it, from the store if it is there. Raises ScratchError."""
    if store is None:
        cluster.begin()
        return
    key = f"empty\n{__version__}\n{cluster.version}"
    for kept in store.kept(key):
        if cluster.begin_with(partial(store.fill, kept), _DATABASE):
            return
        store.forget(kept)
    cluster.begin()
    with suppress(Damaged, OSError), cluster.stopped() as data:
        store.keep(key, "", {}, data)
