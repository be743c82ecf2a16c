/** Everything that a key or a button does: one list for keyboard, tool bar and help. */

import { presets } from "../image/windows";
import type { Viewport } from "./viewport";
import type { Tool, Workspace } from "./workspace";

export type CommandGroup = "Tools" | "Images" | "View" | "Window" | "Page";

export interface Command {
  readonly id: string;
  readonly group: CommandGroup;
  readonly label: string;
  /** Keys as KeyboardEvent.key names them; letters in lower case. */
  readonly keys: readonly string[];
  /** Whether holding the key down repeats the command. */
  readonly repeats?: boolean;
  run(workspace: Workspace): void;
  /** Whether what the command switches is on; absent for commands that switch nothing. */
  pressed?(workspace: Workspace): boolean;
}

const ZOOM_STEP = 1.25;

function active(act: (viewport: Viewport, workspace: Workspace) => void): Command["run"] {
  return (workspace) => act(workspace.active.peek(), workspace);
}

function tool(id: Tool, label: string, key: string): Command {
  return {
    id: `tool-${id}`,
    group: "Tools",
    label,
    keys: [key],
    run: (workspace) => workspace.chooseTool(id),
    pressed: (workspace) => workspace.tool.value === id,
  };
}

const TOOLS: readonly Command[] = [
  tool("window", "Window / level", "w"),
  tool("pan", "Pan", "p"),
  tool("zoom", "Zoom", "z"),
  tool("scroll", "Scroll", "s"),
];

/** Left and right go to another viewport; where there is only one, to another image. */
function sideways(step: 1 | -1): Command["run"] {
  return (workspace) => {
    const { rows, columns } = workspace.layout.peek();
    if (rows * columns > 1) workspace.stepViewport(step);
    else workspace.active.peek().scroll(step);
  };
}

type Run = Command["run"];

function once(id: string, group: CommandGroup, label: string, key: string, run: Run): Command {
  return { id, group, label, keys: [key], run };
}

function repeating(...parts: Parameters<typeof once>): Command {
  return { ...once(...parts), repeats: true };
}

const OR_IMAGE = "viewport, or image of the only one";

const IMAGES: readonly Command[] = [
  repeating("previous-image", "Images", "Previous image", "ArrowUp", active((v) => v.scroll(-1))),
  repeating("next-image", "Images", "Next image", "ArrowDown", active((v) => v.scroll(1))),
  once("first-image", "Images", "First image", "Home", active((v) => v.goTo(0))),
  once("last-image", "Images", "Last image", "End", active((v) => v.goTo(Infinity))),
  repeating("previous-viewport", "Images", `Previous ${OR_IMAGE}`, "ArrowLeft", sideways(-1)),
  repeating("next-viewport", "Images", `Next ${OR_IMAGE}`, "ArrowRight", sideways(1)),
  once("previous-series", "Images", "Previous series", "PageUp", (w) => w.stepSeries(-1)),
  once("next-series", "Images", "Next series", "PageDown", (w) => w.stepSeries(1)),
  {
    id: "cine",
    group: "Images",
    label: "Play or stop cine",
    keys: ["c"],
    run: active((v) => {
      v.playing.value = !v.playing.peek() && v.count.peek() > 1;
    }),
    pressed: (w) => w.active.value.playing.value,
  },
];

const ONE_TO_ONE = "One image pixel to one screen pixel";
const RESET = "Reset zoom, position, rotation, window";

const VIEW: readonly Command[] = [
  repeating("zoom-in", "View", "Zoom in", "+", active((v) => v.zoom(ZOOM_STEP))),
  repeating("zoom-out", "View", "Zoom out", "-", active((v) => v.zoom(1 / ZOOM_STEP))),
  once("fit", "View", "Fit to viewport", "=", active((v) => v.fit())),
  once("one-to-one", "View", ONE_TO_ONE, "0", active((v) => v.oneToOne())),
  once("rotate-right", "View", "Rotate right", "r", active((v) => v.rotate(90))),
  once("rotate-left", "View", "Rotate left", "l", active((v) => v.rotate(-90))),
  {
    id: "flip-horizontal",
    group: "View",
    label: "Flip left to right",
    keys: ["h"],
    run: active((v) => v.flipHorizontally()),
    pressed: (w) => w.active.value.view.value.flipped,
  },
  once("flip-vertical", "View", "Flip top to bottom", "v", active((v) => v.flipVertically())),
  once("reset", "View", RESET, " ", active((v) => v.reset())),
];

/** Choose one of the presets that are on offer for the image that is shown. */
export function choosePreset(viewport: Viewport, number: number): void {
  const shown = viewport.shown.peek();
  if (!shown) return;
  const preset = presets(shown.model, shown.image, shown.series.modality)[number - 1];
  if (preset) viewport.voi.value = preset.choice;
}

const PRESET_KEYS: readonly Command[] = Array.from({ length: 9 }, (_, i) => ({
  id: `preset-${i + 1}`,
  group: "Window" as const,
  label: `Window preset ${i + 1}`,
  keys: [String(i + 1)],
  run: active((viewport) => choosePreset(viewport, i + 1)),
}));

const WINDOW: readonly Command[] = [
  {
    id: "invert",
    group: "Window",
    label: "Invert",
    keys: ["i"],
    run: active((v) => {
      v.inverted.value = !v.inverted.peek();
    }),
    pressed: (w) => w.active.value.inverted.value,
  },
  ...PRESET_KEYS,
];

type Switch = "interpolation" | "overlays" | "cornerText" | "help";

function toggle(id: string, label: string, key: string, name: Switch): Command {
  return {
    id,
    group: "Page",
    label,
    keys: [key],
    run: (workspace) => {
      workspace[name].value = !workspace[name].peek();
    },
    pressed: (workspace) => workspace[name].value,
  };
}

/** Fill the screen with the page, or give it back. */
function toggleFullScreen(): void {
  // A browser may refuse; then the page stays as it is.
  const refused = () => undefined;
  if (document.fullscreenElement) void document.exitFullscreen().catch(refused);
  else void document.documentElement.requestFullscreen().catch(refused);
}

const PAGE: readonly Command[] = [
  toggle("interpolation", "Interpolation", "n", "interpolation"),
  toggle("overlays", "Overlays", "o", "overlays"),
  toggle("corner-text", "Corner text", "x", "cornerText"),
  {
    id: "tags",
    group: "Page",
    label: "DICOM tags",
    keys: ["t"],
    run: (w) => {
      w.panel.value = w.panel.peek() === "tags" ? "none" : "tags";
    },
    pressed: (w) => w.panel.value === "tags",
  },
  { id: "full-screen", group: "Page", label: "Full screen", keys: ["F11", "f"], run: toggleFullScreen },
  { id: "escape", group: "Page", label: "Cancel, close", keys: ["Escape"], run: (w) => w.escape() },
  toggle("help", "Keys and mouse", "?", "help"),
];

export const COMMANDS: readonly Command[] = [...TOOLS, ...IMAGES, ...VIEW, ...WINDOW, ...PAGE];

const byKey = new Map(COMMANDS.flatMap((command) => command.keys.map((key) => [key, command])));
const byId = new Map(COMMANDS.map((command) => [command.id, command]));

/** A command by its name. */
export function commandNamed(id: string): Command {
  const command = byId.get(id);
  if (!command) throw new RangeError(`There is no command ${id}`);
  return command;
}

/** The command that a key press asks for, if any. */
export function commandFor(event: Pick<KeyboardEvent, "key" | "ctrlKey" | "altKey" | "metaKey">): Command | null {
  if (event.ctrlKey || event.altKey || event.metaKey) return null;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  return byKey.get(key) ?? null;
}

/** Whether a key press belongs to the control it happened in. */
export function belongsToControl(target: Element | null, key: string): boolean {
  const control = target?.closest("input, select, textarea, button, a, [role=slider], [role=button]");
  if (!control) return false;
  if (control.matches("button, a, [role=button]")) return key === " " || key === "Enter";
  // A slider moves by itself; the rest of the keyboard stays the viewer's.
  if (control.matches("[role=slider], input[type=range]")) return key.startsWith("Arrow");
  return key !== "Escape";
}

/** Names of keys as people read them. */
export function keyLabel(key: string): string {
  const names: Record<string, string> = {
    " ": "Space", ArrowUp: "↑", ArrowDown: "↓", ArrowLeft: "←", ArrowRight: "→",
    PageUp: "PgUp", PageDown: "PgDn", Escape: "Esc",
  };
  return names[key] ?? (key.length === 1 ? key.toUpperCase() : key);
}
