"""The display model of a series: every frame, how it is shown, in what order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from isocenter.archive import Archive, Found, Level, Query
from isocenter.archive.normal_forms import name_groups
from isocenter.dicom import tags
from isocenter.errors import IsocenterError, NotFound
from isocenter.pixels import DisplayModel, VoiTransform, stored_bounds
from isocenter.pixels.presentation import Shutter

from . import schema
from .display_order import Place, display_order
from .frames import Address, ViewerFrames
from .model_json import model_json, voi_json
from .shown_instances import ShownFrame, ShownInstances, integer, show_instances
from .study_list import display_name

__all__ = ["ShownSeries", "resolve_series"]

# Frames looked at for a window where the object has none.
_SAMPLED = 3
_IDENTITY = ((tags.PatientName, "PatientName"), (tags.PatientID, "PatientID"))


@dataclass(frozen=True, slots=True)
class ShownSeries:
    """A series ready to be shown.

    Parameters
    ----------
    frames
        In display order.
    answer
        What the API says of it.
    instances
        What they were made of.
    """

    frames: tuple[ShownFrame, ...]
    answer: schema.SeriesModel
    instances: ShownInstances

    @property
    def middle(self) -> ShownFrame:
        """The frame that stands for the series."""
        return self.frames[len(self.frames) // 2]


def resolve_series(
    archive: Archive,
    frames: ViewerFrames,
    study: str,
    series: str,
    before: ShownSeries | None = None,
) -> ShownSeries:
    """Resolve how a series is shown.

    Parameters
    ----------
    archive
        Where it is kept.
    frames
        Decodes the frames that a missing window is taken from.
    study, series
        Study and Series Instance UID.
    before
        The series as it was: only what has come since, or has been replaced, is read.

    Returns
    -------
    ShownSeries
        Instances that cannot be shown are left out and named in `problems`.

    Raises
    ------
    NotFound
        When there is no such series.
    """
    # First of all: whatever is read afterwards is of these bytes, or is told from them.
    versions = archive.versions(study, series)
    rows = archive.find(
        Query.of(Level.INSTANCE, {tags.StudyInstanceUID: study, tags.SeriesInstanceUID: series})
    )
    if not rows:
        raise NotFound(f"series {series[:64]} of study {study[:64]} is not in this archive")
    known = before.instances if before else None
    instances = show_instances(archive, study, series, rows, versions, known)
    read = instances.by_uid.values()
    problems = [problem for each in read for problem in each.problems]
    problems += _disagreements(archive, study, rows[0])
    found = [frame for each in read for frame in each.frames]
    ordered = _with_windows(_ordered(found), frames, (study, series))
    answer = _answer(rows[0], study, series, ordered, problems)
    return ShownSeries(tuple(ordered), answer, instances)


def _disagreements(archive: Archive, study: str, row: Found) -> list[str]:
    """Say whether objects of the study name other patients than the one that is shown."""
    names: list[str] = []
    for tag, keyword in _IDENTITY:
        values = [each.value for each in archive.conflicts(study) if each.tag == tag]
        if any(name_groups(value) != name_groups(row.text(tag)) for value in values):
            names.append(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}")
    if not names:
        return []
    return [f"Objects of this study differ in {' and '.join(names)}; the latest values are shown"]


def _ordered(frames: Sequence[ShownFrame]) -> list[ShownFrame]:
    places = [
        Place(
            each.instance_number,
            each.shown.number,
            each.shown.position,
            each.shown.model.orientation,
        )
        for each in frames
    ]
    return [frames[index] for index in display_order(places)]


def _with_windows(
    ordered: list[ShownFrame], frames: ViewerFrames, series: tuple[str, str]
) -> list[ShownFrame]:
    """Choose a window for what has none: from the values of some frames spread over the series."""
    without = [each for each in ordered if not each.shown.voi and not each.shown.model.colour]
    if not without:
        return ordered
    lows: list[float] = []
    highs: list[float] = []
    for each in without[:: max(1, len(without) // _SAMPLED)][:_SAMPLED]:
        bounds = _bounds((*series, each.instance), each, frames)
        if bounds is not None:
            low, high = each.shown.model.modality.bounds(*bounds)
            lows.append(low)
            highs.append(high)
    if not lows:
        return ordered
    chosen: dict[DisplayModel, DisplayModel] = {}
    for each in without:
        model = each.shown.model
        if model not in chosen:
            window = model.window_over(min(lows), max(highs))
            chosen[model] = replace(model, default_window=window)
    return [
        replace(each, shown=replace(each.shown, model=chosen[each.shown.model]))
        if each.shown.model in chosen
        else each
        for each in ordered
    ]


def _bounds(address: Address, each: ShownFrame, frames: ViewerFrames) -> tuple[float, float] | None:
    try:
        samples = frames.samples(frames.open(address, each.version), each.shown.number)
    except IsocenterError:
        return None  # the frame says so itself when it is asked for
    return stored_bounds([samples], each.shown.model.padding)


def _answer(
    row: Found,
    study: str,
    series: str,
    ordered: Sequence[ShownFrame],
    problems: list[str],
) -> schema.SeriesModel:
    models: list[schema.Model] = []
    places: dict[tuple[DisplayModel, Shutter | None, str], int] = {}
    own: list[Sequence[VoiTransform]] = []
    images: list[schema.Image] = []
    for each in ordered:
        shown = each.shown
        # A model with overlays holds the address of their bits, which differ by instance.
        key = (shown.model, each.shutter, each.instance if shown.model.overlays else "")
        place = places.get(key)
        if place is None:
            place = places[key] = len(models)
            own.append(shown.voi)
            url = _overlay_url(study, series, each)
            models.append(model_json(shown.model, shown.voi, url, each.shutter))
        images.append(
            schema.Image(
                instance=each.instance,
                frame=shown.number,
                version=each.version,
                model=place,
                number=each.instance_number,
                position=shown.position,
                sop_class=each.sop_class,
                window=None if shown.voi == own[place] else voi_json(shown.voi),
            )
        )
    return schema.SeriesModel(
        study=study,
        series=series,
        modality=row.text(tags.Modality),
        description=row.text(tags.SeriesDescription),
        patient=_patient(row),
        study_info=_study_info(row),
        series_number=integer(row.text(tags.SeriesNumber)),
        models=models,
        images=images,
        problems=problems,
    )


def _overlay_url(study: str, series: str, shown: ShownFrame) -> Callable[[int], str]:
    base = f"/api/studies/{study}/series/{series}/instances/{shown.instance}/overlays"
    return lambda index: f"{base}/{index}?version={shown.version}"


def _patient(row: Found) -> schema.Patient:
    return schema.Patient(
        name=display_name(row.text(tags.PatientName)),
        id=row.text(tags.PatientID),
        birth_date=row.text(tags.PatientBirthDate),
        sex=row.text(tags.PatientSex),
    )


def _study_info(row: Found) -> schema.StudyInfo:
    return schema.StudyInfo(
        date=row.text(tags.StudyDate),
        time=row.text(tags.StudyTime),
        description=row.text(tags.StudyDescription),
        institution=row.text(tags.InstitutionName),
        accession=row.text(tags.AccessionNumber),
    )
