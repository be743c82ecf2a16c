import { useComputed } from "@preact/signals";
import { presets, type VoiChoice, windowLabel } from "../image/windows";
import { choosePreset, commandNamed, keyLabel } from "../viewer/commands";
import type { Viewport } from "../viewer/viewport";
import { LAYOUTS, type Workspace } from "../viewer/workspace";
import { Icon, type IconName, Mark } from "./icons";
import { followLink, listBehind, returnToList } from "./router";

/** After a click with the mouse the keyboard belongs to the viewports again. */
function giveBackFocus(event: MouseEvent): void {
  if (event.detail > 0) (event.currentTarget as HTMLElement).blur();
}

interface CommandButtonProps {
  readonly workspace: Workspace;
  readonly command: string;
  readonly icon: IconName;
  readonly disabled?: boolean;
}

function CommandButton({ workspace, command: id, icon, disabled = false }: CommandButtonProps) {
  const command = commandNamed(id);
  const pressed = useComputed(() => command.pressed?.(workspace)).value;
  const keys = command.keys.map(keyLabel).join(", ");
  return (
    <button
      type="button"
      class="icon-button"
      data-command={id}
      aria-label={command.label}
      aria-pressed={pressed}
      aria-keyshortcuts={command.keys.join(" ").trim() || undefined}
      title={keys ? `${command.label} (${keys})` : command.label}
      disabled={disabled}
      onClick={(event) => {
        command.run(workspace);
        giveBackFocus(event);
      }}
    >
      <Icon name={icon} />
    </button>
  );
}

function Layouts({ workspace }: { workspace: Workspace }) {
  return (
    <div class="group" role="group" aria-label="Layout">
      {LAYOUTS.map((layout, i) => (
        <button
          key={layout.name}
          type="button"
          class="icon-button"
          aria-label={`Layout ${layout.name}`}
          title={`Layout ${layout.name}`}
          aria-pressed={workspace.layout.value === layout}
          onClick={(event) => {
            workspace.setLayout(layout);
            giveBackFocus(event);
          }}
        >
          <Icon name={`layout-${i}` as IconName} />
        </button>
      ))}
    </div>
  );
}

function sameChoice(one: VoiChoice, other: VoiChoice): boolean {
  if (one.kind === "own" && other.kind === "own") return one.index === other.index;
  if (one.kind === "fixed" && other.kind === "fixed") return one.name === other.name;
  return one.kind === other.kind;
}

function offeredPresets(viewport: Viewport) {
  const shown = viewport.shown.value;
  return shown ? presets(shown.model, shown.image, shown.series.modality) : [];
}

function presetLabel({ name, choice }: ReturnType<typeof presets>[number], index: number): string {
  const key = index < 9 ? `${index + 1}  ` : "";
  const window = choice.kind === "fixed" ? `  ${windowLabel(choice.window)}` : "";
  return `${key}${name}${window}`;
}

/**
 * The windows on offer for the image in the active viewport.
 *
 * It follows strings and numbers rather than the image itself: a tool bar painted anew for every
 * image would slow the scrolling down.
 */
function Presets({ viewport }: { viewport: Viewport }) {
  const labels = useComputed(() => offeredPresets(viewport).map(presetLabel).join("\n"));
  const chosen = useComputed(() =>
    offeredPresets(viewport).findIndex(({ choice }) => sameChoice(choice, viewport.voi.value)),
  );
  const offered = labels.value === "" ? [] : labels.value.split("\n");
  const at = chosen.value;
  return (
    <select
      class="presets"
      aria-label="Window preset"
      title="Window preset (1 to 9)"
      disabled={offered.length === 0}
      value={at < 0 ? "custom" : String(at)}
      onChange={(event) => {
        choosePreset(viewport, Number(event.currentTarget.value) + 1);
        event.currentTarget.blur();
      }}
    >
      {at < 0 && <option value="custom">{offered.length > 0 ? "By hand" : "Window"}</option>}
      {offered.map((label, i) => <option key={label} value={String(i)}>{label}</option>)}
    </select>
  );
}

function Cine({ workspace }: { workspace: Workspace }) {
  const viewport = workspace.active.value;
  const still = viewport.count.value < 2;
  return (
    <div class="group" role="group" aria-label="Cine">
      <CommandButton workspace={workspace} command="cine" icon={viewport.playing.value ? "stop" : "play"} disabled={still} />
      <label class="cine-rate" title="Images a second">
        <input
          type="number"
          min={1}
          max={60}
          aria-label="Images a second"
          disabled={still}
          value={viewport.rate.value}
          onChange={(event) => {
            const rate = Math.round(Number(event.currentTarget.value));
            viewport.rate.value = Math.min(60, Math.max(1, rate || 10));
            // Where that is what it was before, nothing is painted anew.
            event.currentTarget.value = String(viewport.rate.value);
          }}
          onKeyDown={(event) => {
            if (event.key === "Enter") event.currentTarget.blur(); // which also makes the change
          }}
        />
        <span>/s</span>
      </label>
    </div>
  );
}

export function Toolbar({ workspace }: { workspace: Workspace }) {
  const viewport = workspace.active.value;
  const empty = useComputed(() => workspace.active.value.shown.value === null).value;
  const button = (command: string, icon: IconName, disabled = false) => (
    <CommandButton workspace={workspace} command={command} icon={icon} disabled={disabled} />
  );
  return (
    <div class="toolbar" role="toolbar" aria-label="Viewer">
      <a
        class="to-list"
        href={listBehind()}
        title="To the study list"
        onClick={(event) => followLink(event, returnToList)}
      >
        <Mark />
        <span>Studies</span>
      </a>
      <Layouts workspace={workspace} />
      <div class="group" role="group" aria-label="Tool of the left mouse button">
        {button("tool-window", "window")}
        {button("tool-pan", "pan")}
        {button("tool-zoom", "zoom")}
        {button("tool-scroll", "scroll")}
      </div>
      <div class="group" role="group" aria-label="Window">
        <Presets key={viewport.id} viewport={viewport} />
        {button("invert", "invert", empty)}
      </div>
      <div class="group" role="group" aria-label="View">
        {button("rotate-left", "rotate-left", empty)}
        {button("rotate-right", "rotate-right", empty)}
        {button("flip-horizontal", "flip-horizontal", empty)}
        {button("flip-vertical", "flip-vertical", empty)}
        {button("fit", "fit", empty)}
        {button("one-to-one", "one-to-one", empty)}
        {button("reset", "reset", empty)}
      </div>
      <Cine workspace={workspace} />
      <div class="group" role="group" aria-label="Display">
        {button("interpolation", "interpolation")}
        {button("overlays", "overlays")}
        {button("corner-text", "corner-text")}
      </div>
      <span class="spacer" />
      <div class="group" role="group" aria-label="Page">
        {button("tags", "tags")}
        {button("full-screen", "full-screen")}
        {button("help", "help")}
      </div>
    </div>
  );
}
