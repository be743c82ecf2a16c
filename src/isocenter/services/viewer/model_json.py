"""Display models of `isocenter.pixels` as the viewer API writes them."""

import base64
from collections.abc import Callable, Sequence

import numpy as np

from isocenter.pixels import (
    DisplayModel,
    LookupTable,
    ModalityTransform,
    OverlayPlane,
    Rescale,
    VoiTransform,
    Window,
)
from isocenter.pixels.presentation.shutters import Shutter, ink

from . import schema

__all__ = ["model_json", "voi_json"]


def _words(table: LookupTable) -> str:
    return base64.b64encode(table.values.astype("<u2").tobytes()).decode()


def voi_json(transforms: Sequence[VoiTransform]) -> list[schema.VoiWindow | schema.VoiLut]:
    """Write windows and VOI LUTs.

    Parameters
    ----------
    transforms
        In their order.
    """
    return [_voi(transform) for transform in transforms]


def _voi(transform: VoiTransform) -> schema.VoiWindow | schema.VoiLut:
    if isinstance(transform, Window):
        return schema.VoiWindow(
            function=transform.function.value,
            center=transform.center,
            width=transform.width,
            explanation=transform.explanation,
        )
    return schema.VoiLut(
        first=transform.first,
        bits=transform.bits,
        values=_words(transform),
        explanation=transform.explanation,
    )


def _modality(transform: ModalityTransform) -> schema.LinearModality | schema.TableLut:
    if isinstance(transform, Rescale):
        return schema.LinearModality(
            slope=transform.slope, intercept=transform.intercept, units=transform.units
        )
    table = transform.table
    return schema.TableLut(
        first=table.first, bits=table.bits, values=_words(table), units=transform.units
    )


def _overlay(plane: OverlayPlane, url: str) -> schema.Overlay:
    return schema.Overlay(
        index=plane.index,
        label=plane.label,
        rows=plane.rows,
        columns=plane.columns,
        origin=plane.origin,
        type=plane.kind,
        url=url,
    )


def _shutter(shutter: Shutter, model: DisplayModel) -> schema.Shutter:
    hidden = shutter.hidden(model.rows, model.columns).reshape(-1)
    changes = np.flatnonzero(np.diff(hidden)) + 1
    # They begin with what is hidden, be it nothing.
    begins = changes if hidden[0] else np.concatenate(([0], changes))
    runs = np.diff(np.concatenate(([0], begins, [hidden.size]))).astype("<u4")
    return schema.Shutter(
        colour=ink(shutter, model.colour), runs=base64.b64encode(runs.tobytes()).decode()
    )


def model_json(
    model: DisplayModel,
    voi: Sequence[VoiTransform],
    overlay_url: Callable[[int], str],
    shutter: Shutter | None = None,
) -> schema.Model:
    """Write a display model.

    Parameters
    ----------
    model
        The model.
    voi
        The windows and VOI LUTs of the first frame that has it.
    overlay_url
        Makes the address of an overlay's bits.
    shutter
        What is hidden.
    """
    table = model.presentation.table
    lut = None if table is None else schema.Lut(first=0, bits=table.bits, values=_words(table))
    return schema.Model(
        rows=model.rows,
        columns=model.columns,
        format=model.format,  # pyright: ignore[reportArgumentType] - pydantic checks the literal
        bits_stored=model.bits_stored,
        signed=model.signed,
        modality=_modality(model.modality),
        voi=voi_json(voi),
        default_window=None if model.colour else _window(model.fallback_window()),
        presentation=schema.Presentation(inverse=model.presentation.inverse, lut=lut),
        padding=_padding(model),
        spacing=_spacing(model),
        aspect=model.aspect,
        regions=_regions(model),
        orientation=model.orientation,  # pyright: ignore[reportArgumentType] - six, checked
        axes=model.axes,
        frame_of_reference=model.frame_of_reference,
        patient_orientation=_patient_orientation(model),
        overlays=[_overlay(plane, overlay_url(plane.index)) for plane in model.overlays],
        shutter=None if shutter is None else _shutter(shutter, model),
        lossy=_lossy(model),
        frame_time=model.frame_time,
        recommended_frame_rate=model.recommended_frame_rate,
        real_world=_real_world(model),
        supplemental_palette=_supplemental(model),
        problems=list(model.problems),
    )


def _window(window: Window) -> schema.WindowModel:
    return schema.WindowModel(
        function=window.function.value, center=window.center, width=window.width
    )


def _padding(model: DisplayModel) -> schema.PaddingRange | None:
    padding = model.padding
    return padding and schema.PaddingRange(low=padding.low, high=padding.high)


def _spacing(model: DisplayModel) -> schema.Spacing | None:
    spacing = model.spacing
    return spacing and schema.Spacing(
        row=spacing.row, column=spacing.column, source=spacing.source, is_real=spacing.is_real
    )


def _regions(model: DisplayModel) -> list[schema.Region]:
    return [
        schema.Region(
            left=each.left,
            top=each.top,
            right=each.right,
            bottom=each.bottom,
            spacing=each.spacing,
        )
        for each in model.regions
    ]


def _patient_orientation(model: DisplayModel) -> schema.PatientOrientation | None:
    edges = model.patient_orientation
    return edges and schema.PatientOrientation(
        left=edges.left, right=edges.right, top=edges.top, bottom=edges.bottom
    )


def _lossy(model: DisplayModel) -> schema.Lossy | None:
    lossy = model.lossy
    return lossy and schema.Lossy(ratio=list(lossy.ratios), method=list(lossy.methods))


def _real_world(model: DisplayModel) -> list[schema.RealWorld]:
    return [
        schema.RealWorld(
            first=each.first,
            last=each.last,
            slope=each.slope,
            intercept=each.intercept,
            units=each.units,
            label=each.label,
        )
        for each in model.real_world
    ]


def _supplemental(model: DisplayModel) -> schema.SupplementalPalette | None:
    palette = model.supplemental
    if palette is None:
        return None
    colours = np.ascontiguousarray(palette.colours).tobytes()
    return schema.SupplementalPalette(
        first=palette.first, colours=base64.b64encode(colours).decode()
    )
