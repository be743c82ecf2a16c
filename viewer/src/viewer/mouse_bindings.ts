/** What the buttons and the wheel of the mouse do: the reader's choice, which the browser keeps. */

import { signal } from "@preact/signals";
import type { Tool, Workspace } from "./workspace";

export type WheelTool = "scroll" | "zoom";

export interface MouseBindings {
  /** The tool that a page begins with; the tool bar gives the button another. */
  readonly left: Tool;
  readonly middle: Tool;
  readonly right: Tool;
  readonly wheel: WheelTool;
}

const TOOLS: readonly Tool[] = ["window", "pan", "zoom", "scroll"];

/** What may be chosen for each. */
export const CHOICES: { readonly [Name in keyof MouseBindings]: readonly MouseBindings[Name][] } = {
  left: TOOLS,
  middle: TOOLS,
  right: TOOLS,
  wheel: ["scroll", "zoom"],
};

export const DEFAULT_BINDINGS: MouseBindings = {
  left: "window",
  middle: "pan",
  right: "zoom",
  wheel: "scroll",
};

/** What turning the wheel does: to the next image, over ten of them, or nearer and farther. */
export type Turn = "scroll" | "scroll-fast" | "zoom";

/** What the wheel does; one that zooms goes from image to image with Ctrl, so that none is out of its reach. */
export function turnOf(wheel: WheelTool, withCtrl: boolean): Turn {
  if (wheel === "zoom") return withCtrl ? "scroll" : "zoom";
  return withCtrl ? "scroll-fast" : "scroll";
}

const KEY = "isocenter.mouse";
/** Raised when what is kept changes its meaning; anything of another version is as good as nothing. */
const VERSION = 1;

/** The bindings of all viewports. */
export const mouseBindings = signal<MouseBindings>(DEFAULT_BINDINGS);

/** What a kept text says; where it says nothing that can be used, the defaults. */
function bindingsFrom(text: string): MouseBindings {
  let kept: ({ readonly version?: unknown } & { readonly [Name in keyof MouseBindings]?: unknown }) | null;
  try {
    kept = JSON.parse(text);
  } catch {
    return DEFAULT_BINDINGS;
  }
  if (kept?.version !== VERSION) return DEFAULT_BINDINGS;
  const { left, middle, right, wheel } = kept;
  const bindings = { left, middle, right, wheel } as MouseBindings;
  const names = Object.keys(CHOICES) as (keyof MouseBindings)[];
  const isWhole = names.every((name) => (CHOICES[name] as readonly unknown[]).includes(bindings[name]));
  return isWhole ? bindings : DEFAULT_BINDINGS;
}

/** Take up what the browser keeps; where it keeps nothing for anybody, what there is stays. */
function takeUp(): void {
  try {
    const text = window.localStorage.getItem(KEY);
    mouseBindings.value = text === null ? DEFAULT_BINDINGS : bindingsFrom(text);
  } catch {
    // Storage is forbidden here.
  }
}

function keep(bindings: MouseBindings): void {
  try {
    window.localStorage.setItem(KEY, JSON.stringify({ version: VERSION, ...bindings }));
  } catch {
    // Forbidden or full: it holds for as long as the page is open.
  }
}

/** Begin a page with what was chosen, and follow what other tabs choose; @returns what ends it. */
export function followMouseBindings(workspace: Workspace): () => void {
  takeUp();
  workspace.tool.value = mouseBindings.peek().left;
  // A cleared storage names no key.
  const changed = ({ key }: StorageEvent) => {
    if (key === KEY || key === null) takeUp();
  };
  window.addEventListener("storage", changed);
  return () => window.removeEventListener("storage", changed);
}

/** Choose what the mouse does, from now on and in this browser; a new left button has its tool at once. */
export function bindMouse(workspace: Workspace, change: Partial<MouseBindings>): void {
  const was = mouseBindings.peek();
  const is = { ...was, ...change };
  mouseBindings.value = is;
  if (is.left !== was.left) workspace.tool.value = is.left;
  keep(is);
}
