import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { SeriesSummary, StudyContents } from "../api/model";
import { seriesKey, type Workspace } from "../viewer/workspace";
import { counted, formatDate } from "./format";
import { Icon } from "./icons";

/** The type under which a dragged series travels. */
export const SERIES_TYPE = "application/x-isocenter-series";

interface ThumbnailProps {
  readonly workspace: Workspace;
  readonly study: string;
  readonly series: SeriesSummary;
}

function Picture({ workspace, series }: { workspace: Workspace; series: SeriesSummary }) {
  /** The address that has failed; another one may be had. */
  const failed = useSignal<string | null>(null);
  if (!series.displayable || !series.thumbnail || failed.value === series.thumbnail) {
    return <span class="no-picture">{series.modality}</span>;
  }
  if (!workspace.settledIn.value) return null;
  const fail = () => {
    failed.value = series.thumbnail;
  };
  return <img src={series.thumbnail} alt="" loading="lazy" draggable={false} onError={fail} />;
}

function countLabel(series: SeriesSummary): string {
  if (!series.displayable && series.videos?.length) return counted(series.videos.length, "video");
  if (!series.displayable) return counted(series.instanceCount, "object");
  return counted(series.frameCount, "image");
}

function Thumbnail({ workspace, study, series }: ThumbnailProps) {
  const key = seriesKey(study, series.uid);
  const places = workspace.visible.value.filter((viewport) => workspace.seriesIn(viewport) === key);
  const isActive = places.includes(workspace.active.value);
  const show = () => void workspace.showSeries(workspace.active.peek(), study, series.uid);
  const thumbnail = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (isActive) thumbnail.current?.scrollIntoView({ block: "nearest", inline: "nearest" });
  }, [isActive]);
  const title = series.description || series.bodyPart || "No description";
  return (
    <li>
      <div
        ref={thumbnail}
        class={`thumbnail ${isActive ? "active" : ""}`}
        role="button"
        tabIndex={0}
        draggable
        data-series={series.uid}
        aria-pressed={places.length > 0}
        aria-label={`Series ${series.number ?? ""}, ${series.modality}, ${title}, ${countLabel(series)}`}
        title={`${title}\nDouble-click or drag into a viewport`}
        onDblClick={show}
        onClick={(event) => {
          // A screen reader's click is of no pointer, and nobody's double click.
          const { pointerType, detail } = event as unknown as PointerEvent;
          if (pointerType === "touch" || detail === 0) show();
          // Behind a pointer the space bar stays the viewer's.
          if (detail > 0) event.currentTarget.blur();
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter" && event.key !== " ") return;
          event.preventDefault();
          show();
        }}
        onDragStart={(event) => {
          event.dataTransfer?.setData(SERIES_TYPE, JSON.stringify({ study, series: series.uid }));
        }}
        onDragEnd={(event) => event.currentTarget.blur()}
      >
        <span class="thumbnail-picture">
          <Picture workspace={workspace} series={series} />
          <span class="thumbnail-modality">{series.modality}</span>
          {places.length > 0 && <span class="thumbnail-shown" aria-hidden="true" />}
        </span>
        <span class="thumbnail-title">
          {series.number !== null && <b>{series.number}</b>} {title}
        </span>
        <span class="thumbnail-count">{countLabel(series)}</span>
      </div>
    </li>
  );
}

function StudySection({ workspace, contents }: { workspace: Workspace; contents: StudyContents }) {
  const { study, series } = contents;
  return (
    <section aria-label={`Study ${study.description}`}>
      <h2>
        <span>{formatDate(study.studyDate) || "No date"}</span>
        {workspace.ofSeveralPatients.value && <span class="strip-patient">{study.patientName || study.patientId}</span>}
        {study.description && <span class="strip-description" title={study.description}>{study.description}</span>}
      </h2>
      <ul>
        {series.map((summary) => (
          <Thumbnail key={summary.uid} workspace={workspace} study={study.uid} series={summary} />
        ))}
      </ul>
    </section>
  );
}

export function SeriesStrip({ workspace }: { workspace: Workspace }) {
  return (
    <nav class="series-strip" aria-label="Series" aria-busy={workspace.state.value.kind === "loading"}>
      {workspace.studies.value.map((contents) => (
        <StudySection key={contents.study.uid} workspace={workspace} contents={contents} />
      ))}
      {[...workspace.missing.value].map(([study, reason]) => (
        <p class="notice" role="alert" key={study}><Icon name="warning" /> {reason}</p>
      ))}
    </nav>
  );
}
