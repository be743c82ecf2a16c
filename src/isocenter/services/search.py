"""QIDO-RS: studies, series and instances are found by their attributes (PS3.18 10.6)."""

import asyncio
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from isocenter.archive import (
    SEQUENCE_KEYS,
    Archive,
    Found,
    Key,
    Level,
    Match,
    Query,
    SequenceKey,
    key,
)
from isocenter.dicom import tags
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
from isocenter.services.web import Endpoint, answered, base_url, negotiate

__all__ = ["LARGEST_PAGE", "routes"]

LARGEST_PAGE: Final = 5000
"""The most results of one response, whatever limit is asked for."""

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
    def included(self) -> frozenset[int] | None:
        """Attributes that results may say; None for all that are known."""
        if self.parameters.include_all:
            return None
        asked = {path[0] for path in self.parameters.include}
        return frozenset(asked | {*_default_tags(self)} | {*_IF_KNOWN})

    def query(self) -> Query:
        """Ask for one result more than is sent, to learn whether there are more."""
        given = [Match(tag, uid) for tag, uid in self.within.items()]
        for match in self.parameters.matches:
            path = match.path[0] if len(match.path) == 1 else match.path
            given.append(Match(path, _value(match.path, match.value)))
        return Query(
            self.level,
            tuple(given),
            fuzzy=self.parameters.fuzzy,
            combined_date_time=True,
            include=self.included,
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
    """Write a list of UIDs as the index reads it: PS3.18 8.3.4.1 lets commas separate them."""
    found = key(path[-1])
    if isinstance(found, Key) and found.vr == "UI":
        return value.replace(",", "\\")
    return value


def _answer(archive: Archive, asked: _Search, form: Representation, base: str) -> Response:
    found = archive.find(asked.query())
    cut_off = len(found) > asked.page
    if not found or asked.page == 0:
        return Response(status_code=204)
    writer = _ResultWriter(asked, base)
    results = [writer.result(each) for each in found[: asked.page]]
    warnings: list[str] = []
    if cut_off and asked.parameters.limit != asked.page:
        warnings.append(
            f"There are more results than the {asked.page} sent; ask for the next ones with offset"
        )
    if writer.unknown:
        names = ", ".join(f"{tag:08X}" for tag in writer.unknown)
        warnings.append(f"includefield {names} is not kept in the index for this level")
    headers: dict[str, str] = {}
    if warnings:
        headers["warning"] = ", ".join(f'299 {_host(base)} "{text}"' for text in warnings)
    if form.media_type != DICOM_XML:
        body = json.dumps(results, ensure_ascii=False, separators=(",", ":")).encode()
        return Response(body, 200, headers, form.media_type)
    multipart = MultipartWriter(DICOM_XML)
    body = multipart.frame([(DICOM_XML, data_set_to_xml(result)) for result in results])
    return Response(body, 200, headers | {"content-type": multipart.content_type})


def _host(base: str) -> str:
    return base.partition("//")[2].partition("/")[0]


class _ResultWriter:
    """Writes results in the DICOM JSON model, with the attributes that were asked for.

    Parameters
    ----------
    asked
        The search.
    base
        URL of the service.
    """

    def __init__(self, asked: _Search, base: str) -> None:
        self._level = asked.level
        self._base = base
        wanted = set(_default_tags(asked))
        included = {path[0] for path in asked.parameters.include} - _WRITTEN_BY_US
        known = {tag for tag in included if _is_known(tag, asked.level)}
        self.unknown = sorted(included - known)
        self._all = asked.parameters.include_all
        self._always = wanted
        self._wanted = wanted | known | set(_IF_KNOWN)

    def result(self, found: Found) -> dict[str, Any]:
        """Write one result, attributes in the order of their tags."""
        elements: dict[int, dict[str, Any]] = {
            tags.SpecificCharacterSet: {"vr": "CS", "Value": ["ISO_IR 192"]},
            tags.InstanceAvailability: {"vr": "CS", "Value": ["ONLINE"]},
            tags.RetrieveURL: {"vr": "UR", "Value": [self._url(found)]},
        }
        for tag in self._always:
            elements[tag] = {"vr": _FORMS[tag].vr}
        for tag, values in found.values.items():
            if self._all or tag in self._wanted:
                elements[tag] = _FORMS[tag].element(values)
        for tag, items in found.items.items():
            if self._all or tag in self._wanted:
                elements[tag] = {"vr": "SQ", "Value": [_item(item) for item in items]}
        return {f"{tag:08X}": elements[tag] for tag in sorted(elements)}

    def _url(self, found: Found) -> str:
        url = f"{self._base}/studies/{found.text(tags.StudyInstanceUID)}"
        if self._level >= Level.SERIES:
            url += f"/series/{found.text(tags.SeriesInstanceUID)}"
        if self._level >= Level.INSTANCE:
            url += f"/instances/{found.text(tags.SOPInstanceUID)}"
        return url


def _is_known(tag: int, level: Level) -> bool:
    """Tell whether results of a level can say an attribute: it is theirs, or of a level above."""
    found = key(tag)
    return found is not None and found.level <= level


_WRITTEN_BY_US: Final = frozenset(
    {tags.SpecificCharacterSet, tags.InstanceAvailability, tags.RetrieveURL}
)


def _default_tags(asked: _Search) -> Iterable[int]:
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


@dataclass(frozen=True, slots=True)
class _Form:
    """How values of an attribute are written in JSON (PS3.18 F.2.3)."""

    vr: str
    convert: Callable[[str], Any]

    def element(self, values: Sequence[str]) -> dict[str, Any]:
        """Write an element; empty values among others are null."""
        if not any(values):
            return {"vr": self.vr}
        return {"vr": self.vr, "Value": [self.convert(v) if v else None for v in values]}


def _number(text: str) -> int | float | str:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


def _person_name(text: str) -> dict[str, str]:
    groups = zip(("Alphabetic", "Ideographic", "Phonetic"), text.split("="), strict=False)
    return {name: group for name, group in groups if group}


def _form(found: Key | SequenceKey | None) -> _Form:
    if isinstance(found, SequenceKey) or found is None:
        return _Form("SQ", str)
    if found.vr == "PN":
        return _Form("PN", _person_name)
    return _Form(found.vr, _number if found.vr in ("IS", "DS", "US", "UL", "SS", "SL") else str)


class _Forms(dict[int, _Form]):
    """The form of every attribute of the index, worked out when first met."""

    def __missing__(self, tag: int) -> _Form:
        self[tag] = form = _form(key(tag))
        return form


_FORMS: Final = _Forms()


def _item(values: dict[int, list[str]]) -> dict[str, Any]:
    return {f"{tag:08X}": _item_form(tag).element(values[tag]) for tag in sorted(values)}


def _item_form(tag: int) -> _Form:
    return _ITEM_FORMS.get(tag) or _FORMS[tag]


_ITEM_FORMS: Final = {
    inner.tag: _form(inner) for sequence in SEQUENCE_KEYS for inner in sequence.items
}
