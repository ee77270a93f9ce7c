"""The empty cluster, which initdb makes once: unpacking one takes a third of the time."""

from contextlib import suppress
from functools import partial

from gatekeeper import __version__
from gatekeeper.scratch.cluster import Cluster
from gatekeeper.scratch.image import Damaged
from gatekeeper.scratch.store import Store

_DATABASE = "scratch_0"  # there is none: the first that is made gets the next name


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
