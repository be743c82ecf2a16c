/** What is written over an image: who, what, where, how; letters, scale, marks. */

import { COLOUR_WINDOW, isColour, isTable } from "../image/display_table";
import { edgeLetters, sliceLocation, viewedLetters } from "../image/orientation";
import { regionBars } from "../image/region_bars";
import { lengthNote, scaleBar } from "../image/scale_bar";
import { type NamedVoi, shortNumber, windowLabel } from "../image/windows";
import type { EdgeLetters, SeriesDisplay } from "../api/model";
import type { ShownImage, Viewport } from "../viewer/viewport";
import type { Workspace } from "../viewer/workspace";
import { formatDate, formatTime } from "./format";
import { Icon } from "./icons";

function Lines({ place, lines }: { place: string; lines: readonly string[] }) {
  return (
    <div class={`corner ${place}`}>
      {lines.filter((line) => line.trim() !== "").map((line, i) => <div key={i}>{line}</div>)}
    </div>
  );
}

function patientLines({ name, id, birthDate, sex }: SeriesDisplay["patient"]): string[] {
  return [name, id, [formatDate(birthDate), sex].filter((part) => part.trim()).join("  ")];
}

function studyLines({ series }: ShownImage): string[] {
  const { institution, date, time, description } = series.studyInfo;
  const number = series.seriesNumber === null ? "" : `Se ${series.seriesNumber}`;
  return [
    institution,
    `${formatDate(date)}  ${formatTime(time)}`,
    description,
    [number, series.modality, series.description].filter(Boolean).join("  "),
  ];
}

/** "W 400  L 40", or the name of a lookup table. */
function windowLine({ model }: ShownImage, voi: NamedVoi | null, inverted: boolean): string {
  const mark = inverted ? "  inverted" : "";
  if (!voi) return mark;
  if (isTable(voi.voi)) return `${voi.name}${mark}`;
  if (isColour(model) && voi.voi === COLOUR_WINDOW) return mark.trim();
  const sigmoid = voi.voi.function === "SIGMOID" ? "  sigmoid" : "";
  return `${windowLabel(voi.voi)}${sigmoid}${mark}`;
}

function viewLine(viewport: Viewport): string {
  const { rotation, flipped } = viewport.view.value;
  const turned = rotation === 0 ? "" : `  ${rotation}°`;
  return `${Math.round((viewport.scale.value ?? 1) * 100)} %${turned}${flipped ? "  flipped" : ""}`;
}

function lossyLine({ model }: ShownImage): string {
  if (!model.lossy) return "";
  const ratio = model.lossy.ratio.reduce((product, one) => product * one, 1);
  return ratio > 1 ? `Lossy ${shortNumber(ratio)} : 1` : "Lossy";
}

function imageLines(shown: ShownImage, count: number): string[] {
  const { index, image, model } = shown;
  const location = sliceLocation(model.orientation, image.position);
  return [
    location === null ? "" : `Loc ${location.toFixed(1)} mm`,
    image.number === null ? "" : `No. ${image.number}${image.frame > 1 ? `  frame ${image.frame}` : ""}`,
    `${index + 1} / ${count}`,
  ];
}

/** That something of the object could not be used; what it was, when pointed at. */
function Problems({ shown }: { shown: ShownImage }) {
  // Of the series: images that are missing, patients that differ.
  const problems = [...(shown.series.problems ?? []), ...(shown.model.problems ?? [])];
  if (problems.length === 0) return null;
  return (
    <span class="problems" title={problems.join("\n")}>
      <Icon name="warning" /> {problems[0]}
    </span>
  );
}

function lettersOf({ model }: ShownImage, viewport: Viewport): EdgeLetters | null {
  const toImage = viewport.toImage.value;
  const shape = viewport.shape.value;
  if (!toImage || !shape) return null;
  if (model.patientOrientation) return viewedLetters(model.patientOrientation, toImage);
  return model.orientation && edgeLetters(model.orientation, model.axes, toImage, shape.pixelHeight);
}

function Letters({ shown, viewport }: { shown: ShownImage; viewport: Viewport }) {
  const letters = lettersOf(shown, viewport);
  if (!letters) return null;
  return (
    <>
      {(["left", "right", "top", "bottom"] as const).map((edge) => (
        <span class={`letter ${edge}`} key={edge}>{letters[edge]}</span>
      ))}
    </>
  );
}

function Scale({ shown, viewport }: { shown: ShownImage; viewport: Viewport }) {
  const { spacing } = shown.model;
  const scale = viewport.scale.value;
  const { width } = viewport.size.value;
  if (!spacing || !scale) return null;
  const ratio = devicePixelRatio;
  const bar = scaleBar(scale, spacing.column, Math.min(width / 4, 160 * ratio));
  if (!bar) return null;
  const note = lengthNote(spacing);
  return (
    <span class="scale" title={spacing.source}>
      <span class="scale-bar" style={{ width: `${bar.pixels / ratio}px` }} />
      {[bar.label, note].filter(Boolean).join(" ")}
    </span>
  );
}

/** The scales of an ultrasound image, each in the region it holds for. */
function RegionScales({ shown, viewport }: { shown: ShownImage; viewport: Viewport }) {
  const toCanvas = viewport.toCanvas.value;
  const size = viewport.size.value;
  if (!toCanvas) return null;
  const ratio = devicePixelRatio;
  return (
    <>
      {regionBars(shown.model.regions, toCanvas, size, ratio).map(({ pixels, label, x, y }) => (
        <span
          class="scale"
          key={`${x} ${y}`}
          title="Sequence of Ultrasound Regions"
          style={{ left: `${x / ratio}px`, bottom: `${(size.height - y) / ratio}px` }}
        >
          <span class="scale-bar" style={{ width: `${pixels / ratio}px` }} />
          {label}
        </span>
      ))}
    </>
  );
}

/** What stays when the text is put away: to read an image without it could mislead. */
function Marks({ shown, viewport }: { shown: ShownImage; viewport: Viewport }) {
  return (
    <>
      <Letters shown={shown} viewport={viewport} />
      <Problems shown={shown} />
    </>
  );
}

/** The study of a viewport that has no image to write that on: a waveform, a report, what cannot be loaded. */
function studyWithoutImage(viewport: Viewport): string | null {
  const content = viewport.content.value;
  if (content.kind === "undisplayable" || content.kind === "failed") return content.study;
  return content.kind === "images" && viewport.failure.value !== null ? content.series.study : null;
}

/** Whose study it is that a viewport has no image of. */
function Whose({ workspace, viewport }: { workspace: Workspace; viewport: Viewport }) {
  const uid = studyWithoutImage(viewport);
  const study = workspace.studies.value.find((contents) => contents.study.uid === uid)?.study;
  if (!study || !workspace.cornerText.value) return null;
  const patient = { ...study, name: study.patientName, id: study.patientId };
  return (
    <div class="annotations">
      <Lines place="top-left" lines={patientLines(patient)} />
      <Lines
        place="top-right"
        lines={[`${formatDate(study.studyDate)}  ${formatTime(study.studyTime)}`, study.description]}
      />
    </div>
  );
}

export function Annotations({ workspace, viewport }: { workspace: Workspace; viewport: Viewport }) {
  const shown = viewport.shown.value;
  if (!shown) return <Whose workspace={workspace} viewport={viewport} />;
  if (!workspace.cornerText.value) {
    return (
      <div class="annotations">
        <Lines place="bottom-left" lines={[lossyLine(shown)]} />
        <Marks shown={shown} viewport={viewport} />
      </div>
    );
  }
  const window = windowLine(shown, viewport.resolvedVoi.value, viewport.inverted.value);
  return (
    <div class="annotations">
      <Lines place="top-left" lines={patientLines(shown.series.patient)} />
      <Lines place="top-right" lines={studyLines(shown)} />
      <Lines place="bottom-left" lines={[lossyLine(shown), viewLine(viewport), window]} />
      <Lines place="bottom-right" lines={imageLines(shown, viewport.count.value)} />
      <Marks shown={shown} viewport={viewport} />
      {shown.model.regions.length > 0 ? (
        <RegionScales shown={shown} viewport={viewport} />
      ) : (
        <Scale shown={shown} viewport={viewport} />
      )}
    </div>
  );
}
