/** `window.isocenter`: what is on show, for tests and for pages that embed the viewer. */

import type { VoiTransform, Window } from "../api/model";
import type { Affine } from "../image/geometry";
import type { Stage } from "./stage";
import type { Viewport } from "./viewport";
import type { Workspace } from "./workspace";

/** One viewport's state; null where no image is drawn. */
export interface ExposedViewport {
  readonly series: string | null;
  readonly instance: string | null;
  readonly frame: number | null;
  /** Index of the image that is drawn, and of the one that is wanted. */
  readonly index: number | null;
  readonly wanted: number;
  /** Whether the image is drawn as well as it can be, no longer sketched. */
  readonly drawn: boolean;
  readonly count: number;
  readonly loaded: number;
  readonly voi: VoiTransform | Window | null;
  readonly inverted: boolean;
  readonly rotation: number;
  readonly flipped: boolean;
  /** From image coordinates to device pixels of the canvas. */
  readonly toCanvas: Affine | null;
  readonly playing: boolean;
  readonly failure: string | null;
}

export interface ExposedState {
  readonly renderer: "webgl2" | "canvas";
  /** Milliseconds from navigation to the first drawn image. */
  readonly firstImage: number | null;
  readonly active: number;
  readonly viewports: readonly ExposedViewport[];
}

function viewportState(viewport: Viewport, stage: Stage): ExposedViewport {
  const shown = viewport.shown.peek();
  const count = viewport.count.peek();
  let loaded = 0;
  for (let i = 0; i < count; i++) if (stage.isLoaded(viewport, i)) loaded++;
  return {
    series: viewport.series.peek()?.series ?? null,
    instance: shown?.image.instance ?? null,
    frame: shown?.image.frame ?? null,
    index: shown?.index ?? null,
    wanted: viewport.wanted.peek(),
    drawn: stage.isDrawn(viewport),
    count,
    loaded,
    voi: viewport.resolvedVoi.peek()?.voi ?? null,
    inverted: viewport.inverted.peek(),
    rotation: viewport.view.peek().rotation,
    flipped: viewport.view.peek().flipped,
    toCanvas: viewport.toCanvas.peek(),
    playing: viewport.playing.peek(),
    failure: viewport.failure.peek(),
  };
}

/** Let the page's state be read as `window.isocenter`; @returns what takes it away. */
export function exposeState(workspace: Workspace, stage: Stage): () => void {
  const read = (): ExposedState => ({
    renderer: stage.renderer.name,
    firstImage: stage.firstImage,
    active: workspace.activeIndex.peek(),
    viewports: workspace.visible.peek().map((viewport) => viewportState(viewport, stage)),
  });
  Object.defineProperty(window, "isocenter", { configurable: true, get: read });
  return () => Reflect.deleteProperty(window, "isocenter");
}
