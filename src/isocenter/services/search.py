"""QIDO-RS: studies, series and instances are found by their attributes (PS3.18 10.6)."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import Archive, Level, Match, Query, key
from isocenter.dicom import dictionary, tags
from isocenter.dicom.uids import is_path_safe_uid
from isocenter.dicomweb import (
    DICOM_JSON,
    DICOM_XML,
    JSON,
    MultipartWriter,
    Representation,
    SearchParameters,
    data_set_to_xml,
    parse_search,
)
from isocenter.errors import InvalidRequest
from isocenter.services.search_results import ResultWriter, everything
from isocenter.services.web import Endpoint, answered, base_url, negotiate

__all__ = ["LARGEST_PAGE", "routes"]

LARGEST_PAGE: Final = 5000
"""The most results of one response, whatever limit is asked for."""

_MOST_NAMED: Final = 20

_RESULTS = (
    Representation(DICOM_JSON),
    Representation(DICOM_XML, multipart=True),
    Representation(JSON),
)

# PS3.18 Tables 10.6.3-3, 10.6.3-4 and 10.6.3-5: what every result says of its level.
_DEFAULTS: Final[dict[Level, tuple[int, ...]]] = {
    Level.STUDY: (
        tags.StudyDate,
        tags.StudyTime,
        tags.AccessionNumber,
        tags.ModalitiesInStudy,
        tags.ReferringPhysicianName,
        tags.StudyDescription,
        tags.PatientName,
        tags.PatientID,
        tags.PatientBirthDate,
        tags.PatientSex,
        tags.StudyInstanceUID,
        tags.StudyID,
        tags.NumberOfStudyRelatedSeries,
        tags.NumberOfStudyRelatedInstances,
    ),
    Level.SERIES: (
        tags.Modality,
        tags.SeriesDescription,
        tags.SeriesInstanceUID,
        tags.SeriesNumber,
        tags.NumberOfSeriesRelatedInstances,
        tags.PerformedProcedureStepStartDate,
        tags.PerformedProcedureStepStartTime,
        tags.RequestAttributesSequence,
    ),
    Level.INSTANCE: (
        tags.SOPClassUID,
        tags.SOPInstanceUID,
        tags.InstanceNumber,
        tags.Rows,
        tags.Columns,
        tags.BitsAllocated,
        tags.NumberOfFrames,
        tags.AvailableTransferSyntaxUID,
    ),
}
_IF_KNOWN: Final = (tags.TimezoneOffsetFromUTC,)
_LEVELS: Final = {"studies": Level.STUDY, "series": Level.SERIES, "instances": Level.INSTANCE}
_PATHS: Final = (
    "/studies",
    "/series",
    "/instances",
    "/studies/{study}/series",
    "/studies/{study}/instances",
    "/studies/{study}/series/{series}/instances",
)


def routes(archive: Archive, pool: ThreadPoolExecutor) -> list[Route]:
    """Make the six routes of the search transaction.

    Parameters
    ----------
    archive
        Where to search.
    pool
        Where searches run.
    """
    return [
        Route(path, answered(_endpoint(archive, pool, path)), methods=["GET"]) for path in _PATHS
    ]


def _endpoint(archive: Archive, pool: ThreadPoolExecutor, path: str) -> Endpoint:
    level = _LEVELS[path.rpartition("/")[2]]

    async def search(request: Request) -> Response:
        form = negotiate(request, _RESULTS, "the search results")
        asked = _asked(request, level)
        work = lambda: _answer(archive, asked, form, base_url(request))  # noqa: E731
        return await asyncio.get_running_loop().run_in_executor(pool, work)

    return search


@dataclass(frozen=True, slots=True)
class _Search:
    """A search as it was asked for.

    Parameters
    ----------
    level
        What to find.
    within
        The UIDs of the path, by tag.
    parameters
        The query string.
    """

    level: Level
    within: dict[int, str]
    parameters: SearchParameters

    @property
    def page(self) -> int:
        """How many results to send at most."""
        limit = self.parameters.limit
        return LARGEST_PAGE if limit is None else min(limit, LARGEST_PAGE)

    @property
    def default(self) -> frozenset[int]:
        """What every result says, also where it is empty."""
        return frozenset(_default_tags(self))

    @property
    def included(self) -> frozenset[int]:
        """What else results say where they know it."""
        asked = {path[0] for path in self.parameters.include}
        included = frozenset(asked | {*self._matched()} | {*_IF_KNOWN})
        return included | everything(self.level) if self.parameters.include_all else included

    @property
    def unmatched(self) -> list[tuple[int, ...]]:
        """Attributes that the index does not keep, which match anything (PS3.18 8.3)."""
        return [match.path for match in self.parameters.matches if key(*match.path) is None]

    def _matched(self) -> Iterator[int]:
        """List what results say because it was matched (PS3.18 10.6.3.3)."""
        for match in self.parameters.matches:
            found = key(match.path[0])
            if found is not None and found.level <= self.level:
                yield found.tag

    def query(self) -> Query:
        """Ask for one result more than is sent, to learn whether there are more."""
        given = [Match(tag, uid) for tag, uid in self.within.items()]
        for match in self.parameters.matches:
            if key(*match.path) is None:
                continue
            path = match.path[0] if len(match.path) == 1 else match.path
            given.append(Match(path, _value(match.path, match.value)))
        return Query(
            self.level,
            tuple(given),
            fuzzy=self.parameters.fuzzy,
            combined_date_time=True,
            include=self.included | self.default,
            limit=self.page + 1,
            offset=self.parameters.offset,
        )


def _asked(request: Request, level: Level) -> _Search:
    within: dict[int, str] = {}
    for name, tag in (("study", tags.StudyInstanceUID), ("series", tags.SeriesInstanceUID)):
        uid = request.path_params.get(name)
        if uid is None:
            continue
        if not is_path_safe_uid(uid):
            raise InvalidRequest(
                f"{uid[:80]!r} is no UID; expected 1 to 64 digits and dots (PS3.5 9.1)"
            )
        within[tag] = uid
    return _Search(level, within, parse_search(request.query_params.multi_items()))


def _value(path: Sequence[int], value: str) -> str:
    """Write a list as the index reads it: PS3.18 8.3.4.1 lets commas separate UIDs.

    Viewers join codes alike (`ModalitiesInStudy=CT,MR`). A code has no comma (PS3.5 Table 6.2-1);
    objects whose codes have one are found by them all the same.
    """
    vr = dictionary.vr(path[-1])
    if vr not in ("UI", "CS") or "," not in value:
        return value
    listed = value.replace(",", "\\")
    return listed if vr == "UI" else f"{listed}\\{value}"


def _answer(archive: Archive, asked: _Search, form: Representation, base: str) -> Response:
    found = archive.find(asked.query())
    cut_off = len(found) > asked.page
    warnings = _warnings_of_unmatched(asked)
    if not found or asked.page == 0:
        return Response(None, 204, _warning_header(base, warnings))
    writer = ResultWriter(asked.level, base, asked.default, asked.included)
    results = [writer.result(each) for each in found[: asked.page]]
    if cut_off and asked.parameters.limit != asked.page:
        warnings.append(
            f"There are more results than the {asked.page} sent; ask for the next ones with offset"
        )
    if writer.unknown:
        names = _listed([f"{tag:08X}" for tag in writer.unknown])
        warnings.append(f"includefield {names} is not kept in the index for this level")
    headers = _warning_header(base, warnings)
    if form.media_type != DICOM_XML:
        body = f"[{','.join(results)}]".encode()
        return Response(body, 200, headers, form.media_type)
    multipart = MultipartWriter(DICOM_XML)
    body = multipart.frame([(DICOM_XML, data_set_to_xml(json.loads(result))) for result in results])
    return Response(body, 200, headers | {"content-type": multipart.content_type})


def _warnings_of_unmatched(asked: _Search) -> list[str]:
    if not asked.unmatched:
        return []
    names = _listed([".".join(f"{tag:08X}" for tag in path) for path in asked.unmatched])
    return [f"Not matched, because the index does not keep it: {names}"]


def _warning_header(base: str, warnings: Sequence[str]) -> dict[str, str]:
    if not warnings:
        return {}
    return {"warning": ", ".join(f'299 {_host(base)} "{text}"' for text in warnings)}


def _listed(names: Sequence[str]) -> str:
    """Name the first of many: proxies and user agents take headers of a few kilobytes."""
    listed = ", ".join(names[:_MOST_NAMED])
    return listed if len(names) <= _MOST_NAMED else f"{listed} and {len(names) - _MOST_NAMED} more"


def _host(base: str) -> str:
    return base.partition("//")[2].partition("/")[0]


def _default_tags(asked: _Search) -> Iterator[int]:
    """List what PS3.18 10.6.3.3 asks for: the level's own, and those of levels not in the path."""
    yield from _DEFAULTS[asked.level]
    yield tags.StudyInstanceUID
    if asked.level is Level.STUDY:
        return
    yield tags.SeriesInstanceUID
    if tags.StudyInstanceUID not in asked.within:
        yield from _DEFAULTS[Level.STUDY]
    if tags.SeriesInstanceUID not in asked.within:
        yield from _DEFAULTS[Level.SERIES]
