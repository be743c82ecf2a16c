"""The Studies Service of DICOMweb: store, retrieve, search, delete (PS3.18 clause 10)."""

from concurrent.futures import ThreadPoolExecutor

from starlette.routing import BaseRoute

from isocenter.archive import Archive
from isocenter.services import (
    bulk_data,
    capabilities,
    delete,
    frames,
    metadata,
    rendered,
    retrieve,
    search,
    store,
)
from isocenter.services.routing import RoutesByShape
from isocenter.services.store import StoreLimits

__all__ = ["StoreLimits", "routes"]

_THREADS = 16


def routes(archive: Archive, *, limits: StoreLimits | None = None) -> list[BaseRoute]:
    """Make every route of the service, below wherever they are mounted.

    Parameters
    ----------
    archive
        What is served.
    limits
        What to refuse of those who store.

    Returns
    -------
    list of BaseRoute
        With one pool of threads for all that reads and renders objects, however long that takes,
        and one for what is looked up and served as it is.
    """
    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="dicomweb")
    looking_up = ThreadPoolExecutor(_THREADS, thread_name_prefix="dicomweb-index")
    made = [
        *frames.routes(archive, pool),
        *metadata.routes(archive, looking_up),
        *rendered.routes(archive, pool),
        *retrieve.routes(archive, pool),
        *bulk_data.routes(archive, pool),
        *search.routes(archive, looking_up),
        *store.routes(archive, limits),
        *delete.routes(archive, pool),
        *capabilities.routes(),
    ]
    return [RoutesByShape(made)]
