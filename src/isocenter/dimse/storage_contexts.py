"""The presentation contexts that a set of objects needs, divided into associations."""

from collections.abc import Iterator, Sequence

from isocenter.dimse.proposal import MAXIMUM_CONTEXTS, Proposal
from isocenter.dimse.reencoding import is_uncompressed
from isocenter.dimse.send_queue import Job
from isocenter.dimse.service import UNCOMPRESSED

_Key = tuple[str, str]


def proposals(sop_class_uid: str, transfer_syntax_uid: str) -> list[Proposal]:
    """Return what to propose for objects of one SOP class in one transfer syntax.

    The objects' own transfer syntax gets a context of its own, so that the peer's taste cannot make
    us encode anew what it would also take as it is. The other uncompressed ones stand in a second.
    """
    own = Proposal(sop_class_uid, (transfer_syntax_uid,))
    if not is_uncompressed(transfer_syntax_uid):
        return [own]
    others = tuple(uid for uid in UNCOMPRESSED if uid != transfer_syntax_uid)
    return [own, Proposal(sop_class_uid, others)]


def batches(jobs: Sequence[Job]) -> Iterator[tuple[list[Proposal], list[Job]]]:
    """Divide jobs so that the contexts of each part fit into one association.

    Yields
    ------
    contexts : list of Proposal
        At most 128.
    jobs : list of Job
        Those that these contexts serve, in their order.
    """
    by_key: dict[_Key, list[Job]] = {}
    for job in jobs:
        key = job.outgoing.sop_class_uid, job.outgoing.transfer_syntax_uid
        by_key.setdefault(key, []).append(job)
    contexts: list[Proposal] = []
    chosen: list[Job] = []
    for key, members in by_key.items():
        needed = proposals(*key)
        if len(contexts) + len(needed) > MAXIMUM_CONTEXTS:
            yield contexts, sorted(chosen, key=lambda job: job.index)
            contexts, chosen = [], []
        contexts += needed
        chosen += members
    if chosen:
        yield contexts, sorted(chosen, key=lambda job: job.index)
