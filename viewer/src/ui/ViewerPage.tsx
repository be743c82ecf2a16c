import { useEffect, useMemo } from "preact/hooks";
import { belongsToControl, commandFor } from "../viewer/commands";
import { exposeState } from "../viewer/exposed_state";
import { followMouseBindings } from "../viewer/mouse_bindings";
import { followArchive } from "../viewer/arrivals";
import { Stage, type StageOptions } from "../viewer/stage";
import { Workspace } from "../viewer/workspace";
import { HelpDialog } from "./HelpDialog";
import { Icon } from "./icons";
import { returnToList } from "./router";
import { SeriesStrip } from "./SeriesStrip";
import { TagTable } from "./TagTable";
import { Toolbar } from "./Toolbar";
import { ViewportPane } from "./ViewportPane";

/** `?renderer=canvas` and `?encoding=raw|htj2k` help to tell whose fault a wrong picture is. */
function stageOptions(): StageOptions {
  const parameters = new URLSearchParams(location.search);
  const encoding = parameters.get("encoding");
  return {
    softwareOnly: parameters.get("renderer") === "canvas",
    encoding: encoding === "raw" || encoding === "htj2k" ? encoding : "automatic",
  };
}

function useKeyboard(workspace: Workspace): void {
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const command = commandFor(event);
      if (!command || belongsToControl(event.target as Element, event.key)) return;
      if (workspace.help.peek() && command.id !== "help" && command.id !== "escape") return;
      event.preventDefault();
      if (!event.repeat || command.repeats) command.run(workspace);
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [workspace]);
}

function useTitle(workspace: Workspace): void {
  const study = workspace.ofSeveralPatients.value ? undefined : workspace.studies.value[0]?.study;
  useEffect(() => {
    document.title = study ? `${study.patientName || study.patientId} – Isocenter` : "Isocenter";
  }, [study]);
}

function Viewports({ workspace, stage }: { workspace: Workspace; stage: Stage }) {
  const alone = workspace.maximised.value !== null;
  const { rows, columns } = alone ? { rows: 1, columns: 1 } : workspace.layout.value;
  return (
    <main
      class="viewports"
      style={{ gridTemplate: `repeat(${rows}, minmax(0, 1fr)) / repeat(${columns}, minmax(0, 1fr))` }}
    >
      {workspace.visible.value.map((viewport) => (
        <ViewportPane key={viewport.id} workspace={workspace} stage={stage} viewport={viewport} />
      ))}
    </main>
  );
}

function Failure({ reason }: { reason: string }) {
  return (
    <div class="empty" role="alert">
      <Icon name="warning" />
      <h2>This study cannot be shown</h2>
      <p>{reason}</p>
      <button type="button" class="button" onClick={returnToList}>To the study list</button>
    </div>
  );
}

interface ViewerPageProps {
  readonly studies: readonly string[];
  readonly series: string | null;
}

export function ViewerPage({ studies, series }: ViewerPageProps) {
  const options = useMemo(stageOptions, []);
  const workspace = useMemo(() => {
    const opened = new Workspace();
    // Asked for before anything is drawn: the answer is on its way while the page is being made.
    void opened.open(studies, series, options.encoding);
    return opened;
  }, []);
  const stage = useMemo(() => new Stage(workspace, options), [workspace]);
  useEffect(() => exposeState(workspace, stage), [workspace]);
  useEffect(() => () => stage.dispose(), [stage]);
  useEffect(() => followArchive(workspace), [workspace]);
  useEffect(() => followMouseBindings(workspace), [workspace]);
  useKeyboard(workspace);
  useTitle(workspace);
  const state = workspace.state.value;
  if (workspace.isBlank.value) return <div class="viewer-page" />;
  return (
    <div class="viewer-page">
      {workspace.hasTools.value ? <Toolbar workspace={workspace} /> : <div class="toolbar" />}
      {state.kind === "failed" ? (
        <Failure reason={state.reason} />
      ) : (
        <div class="workspace">
          <SeriesStrip workspace={workspace} />
          <Viewports workspace={workspace} stage={stage} />
          {workspace.panel.value === "tags" && <TagTable workspace={workspace} />}
        </div>
      )}
      {workspace.help.value && <HelpDialog workspace={workspace} />}
    </div>
  );
}
