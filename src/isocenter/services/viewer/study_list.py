"""The study list and the series of a study, from the index alone."""

from collections import defaultdict
from dataclasses import dataclass, field

from isocenter.archive import Archive, Found, Level, Match, Order, Query
from isocenter.dicom import tags
from isocenter.dicom.transfer_syntaxes import lookup
from isocenter.errors import NotFound, QueryError

from .schema import Series, Study, StudyContents, StudyPage

__all__ = [
    "SORT_KEYS",
    "StudySearch",
    "display_name",
    "find_studies",
    "first_displayable",
    "study_contents",
]

SORT_KEYS = {
    "patientName": tags.PatientName,
    "patientId": tags.PatientID,
    "studyDate": tags.StudyDate,
    "description": tags.StudyDescription,
    "accession": tags.AccessionNumber,
    "modality": tags.ModalitiesInStudy,
    "instanceCount": tags.NumberOfStudyRelatedInstances,
}
"""What a list can be sorted by."""


@dataclass(frozen=True, slots=True)
class StudySearch:
    """What somebody typed above the study list; empty means anything.

    Parameters
    ----------
    patient_name
        Beginnings of words of the name in any order; `*` and `?` stand for what is unknown.
    patient_id, accession, description
        A part of the value, with the same wildcards.
    date_from, date_to
        `YYYYMMDD`, inclusive.
    modality
        One modality, or several with commas between them.
    sort
        A key of `SORT_KEYS`, with a `-` in front for descending order.
    """

    patient_name: str = ""
    patient_id: str = ""
    date_from: str = ""
    date_to: str = ""
    modality: str = ""
    accession: str = ""
    description: str = ""
    sort: str = "-studyDate"

    def query(self, offset: int, limit: int) -> Query:
        """Write the search as a query to the index.

        Raises
        ------
        QueryError
            When `sort` is unknown.
        """
        matches = [Match(tag, value) for tag, value in self._values() if value]
        return Query(
            Level.STUDY,
            tuple(matches),
            fuzzy=True,
            order=self._order(),
            offset=offset,
            limit=limit,
        )

    def _values(self) -> list[tuple[int, str]]:
        dates = f"{self.date_from}-{self.date_to}" if self.date_from or self.date_to else ""
        return [
            (tags.PatientName, _one(self.patient_name)),
            (tags.PatientID, _part(self.patient_id)),
            (tags.StudyDate, dates),
            (tags.ModalitiesInStudy, "\\".join(_one_of(self.modality))),
            (tags.AccessionNumber, _part(self.accession)),
            (tags.StudyDescription, _part(self.description)),
        ]

    def _order(self) -> tuple[Order, ...]:
        descending = self.sort.startswith("-")
        tag = SORT_KEYS.get(self.sort.removeprefix("-"))
        if tag is None:
            raise QueryError(f"sort is {self.sort[:32]!r}; expected one of {', '.join(SORT_KEYS)}")
        first = Order(tag, descending)
        if tag == tags.StudyDate:
            return first, Order(tags.StudyTime, descending)
        return first, Order(tags.StudyDate, True), Order(tags.StudyTime, True)


def _one(text: str) -> str:
    return text.strip().replace("\\", "")  # one value, not a list of them


def _part(text: str) -> str:
    text = _one(text)
    return f"*{text}*" if text else ""


def _one_of(text: str) -> list[str]:
    return [part.strip().upper() for part in text.replace("\\", ",").split(",") if part.strip()]


def display_name(value: str) -> str:
    """Write a person's name as people read it: "DOE, Jane A." for "DOE^Jane^A.".

    Parameters
    ----------
    value
        A PN; its first component group that is not empty is taken.

    Returns
    -------
    str
        Family name, a comma, then given and middle names.
    """
    group = next((part for part in value.split("=") if part.strip("^ ")), "")
    family, *others = (part.strip() for part in group.split("^"))
    given = " ".join(part for part in others[:2] if part)
    return f"{family}, {given}" if family and given else family or given


def _study(found: Found) -> Study:
    return Study(
        uid=found.text(tags.StudyInstanceUID),
        patient_name=display_name(found.text(tags.PatientName)),
        patient_id=found.text(tags.PatientID),
        birth_date=found.text(tags.PatientBirthDate),
        sex=found.text(tags.PatientSex),
        study_date=found.text(tags.StudyDate),
        study_time=found.text(tags.StudyTime),
        description=found.text(tags.StudyDescription),
        accession=found.text(tags.AccessionNumber),
        modalities=[m for m in found.values.get(tags.ModalitiesInStudy, []) if m],
        series_count=_integer(found, tags.NumberOfStudyRelatedSeries) or 0,
        instance_count=_integer(found, tags.NumberOfStudyRelatedInstances) or 0,
    )


def _integer(found: Found, tag: int) -> int | None:
    try:
        return int(found.text(tag))
    except ValueError:
        return None


def find_studies(archive: Archive, search: StudySearch, offset: int, limit: int) -> StudyPage:
    """Find a page of studies.

    Parameters
    ----------
    archive
        Where to look.
    search
        What to look for.
    offset, limit
        Which part of the list.

    Returns
    -------
    StudyPage
        The part, and the number of all that match.

    Raises
    ------
    QueryError
        When a value breaks its VR's grammar or the sort key is unknown.
    """
    query = search.query(offset, limit)
    studies = [_study(found) for found in archive.find(query)]
    whole = len(studies) < limit and (studies or not offset)
    return StudyPage(
        total=offset + len(studies) if whole else archive.count(query), studies=studies
    )


def study_contents(archive: Archive, study: str) -> StudyContents:
    """List the series of a study in display order: by number, then as they are found.

    Parameters
    ----------
    archive
        Where it is kept.
    study
        Study Instance UID.

    Returns
    -------
    StudyContents
        Series without pixels come last.

    Raises
    ------
    NotFound
        When there is no such study.
    """
    only_this = (Match(tags.StudyInstanceUID, study),)
    found = archive.find(Query(Level.STUDY, only_this, limit=1))
    if not found:
        raise NotFound(f"study {study[:64]} is not in this archive")
    shown = _shown_by_series(archive, study)
    series = [
        _series(each, study, shown[each.text(tags.SeriesInstanceUID)])
        for each in archive.find(Query(Level.SERIES, only_this))
    ]
    series.sort(key=lambda s: (not s.displayable, s.number is None, s.number or 0))
    return StudyContents(study=_study(found[0]), series=series)


def first_displayable(archive: Archive, study: str) -> str:
    """Find the series of a study that is shown first.

    Parameters
    ----------
    archive
        Where it is kept.
    study
        Study Instance UID.

    Returns
    -------
    str
        Series Instance UID.

    Raises
    ------
    NotFound
        When there is no such study, or nothing of it can be shown.
    """
    for series in study_contents(archive, study).series:
        if series.displayable:
            return series.uid
    raise NotFound(f"study {study[:64]} has no images")


@dataclass(slots=True)
class _Shown:
    """What of a series is for eyes: numbers of frames of still images, and videos by UID."""

    frames: list[int] = field(default_factory=list[int])
    videos: list[str] = field(default_factory=list[str])


def _shown_by_series(archive: Archive, study: str) -> dict[str, _Shown]:
    found: dict[str, _Shown] = defaultdict(_Shown)
    for each in archive.find(Query.of(Level.INSTANCE, {tags.StudyInstanceUID: study})):
        shown = found[each.text(tags.SeriesInstanceUID)]
        if displayable(each):
            shown.frames.append(_integer(each, tags.NumberOfFrames) or 1)
        elif _is_video(each):
            shown.videos.append(each.text(tags.SOPInstanceUID))
    return found


def displayable(instance: Found) -> bool:
    """Tell whether an instance has still frames, as far as the index knows.

    Parameters
    ----------
    instance
        A row of the index.

    Returns
    -------
    bool
        True when it has a size in pixels and is no video.
    """
    return bool(_integer(instance, tags.Rows)) and not _is_video(instance)


def _is_video(instance: Found) -> bool:
    syntax = lookup(instance.text(tags.AvailableTransferSyntaxUID))
    return syntax is not None and syntax.video


def _series(found: Found, study: str, shown: _Shown) -> Series:
    uid = found.text(tags.SeriesInstanceUID)
    return Series(
        uid=uid,
        number=_integer(found, tags.SeriesNumber),
        modality=found.text(tags.Modality),
        description=found.text(tags.SeriesDescription),
        body_part=found.text(tags.BodyPartExamined),
        instance_count=_integer(found, tags.NumberOfSeriesRelatedInstances) or 0,
        frame_count=sum(shown.frames),
        displayable=bool(shown.frames),
        thumbnail=f"/api/studies/{study}/series/{uid}/thumbnail" if shown.frames else None,
        videos=shown.videos,
    )
