/** The page's one renderer: WebGL2 while there is one, else the processor. */

import type { Picture, Renderer } from "./picture";
import { SoftwareRenderer } from "./software";
import { WebGLRenderer } from "./webgl";

/** A lost context is asked for again after this many milliseconds. */
const RECOVERY = 1000;

export class SharedRenderer {
  private readonly software = new SoftwareRenderer(() => this.changed());
  private accelerated: WebGLRenderer | null = null;
  private asked = false;
  private disposed = false;

  /**
   * @param changed called when everything must be drawn anew: by another renderer, or as it is gone.
   * @param softwareOnly never to use WebGL2.
   */
  constructor(
    private readonly changed: () => void,
    private readonly softwareOnly = false,
  ) {}

  /**
   * Start WebGL2, once. It may take longer than drawing an image without it, so this is for when
   * the first one is on the screen.
   */
  accelerate(): void {
    if (this.asked || this.softwareOnly) return;
    this.asked = true;
    this.start();
  }

  /** Which renderer draws what fits a texture. */
  get name(): Renderer["name"] {
    return (this.accelerated ?? this.software).name;
  }

  /** Whether it is the processor that draws, so that what moves had better be sketched. */
  get isSlow(): boolean {
    return this.accelerated?.isSoftware ?? true;
  }

  /**
   * Show a picture on a canvas, of its width and height.
   *
   * The canvas takes the drawn bitmap over as it is: copying it into a 2D context would cost more
   * than drawing it, where the processor stands in for the graphics card.
   */
  show(canvas: HTMLCanvasElement, picture: Picture): void {
    const { width, height } = canvas;
    const bitmap =
      this.drawAccelerated(picture, width, height) ?? this.software.draw(picture, width, height);
    canvas.getContext("bitmaprenderer", { alpha: false })?.transferFromImageBitmap(bitmap);
  }

  /** Show nothing on a canvas. */
  clear(canvas: HTMLCanvasElement): void {
    canvas.getContext("bitmaprenderer", { alpha: false })?.transferFromImageBitmap(null);
  }

  /** Give the graphics card back what was taken from it. */
  dispose(): void {
    this.disposed = true;
    this.accelerated?.dispose();
    this.accelerated = null;
  }

  private drawAccelerated(picture: Picture, width: number, height: number): ImageBitmap | null {
    try {
      return this.accelerated?.draw(picture, width, height) ?? null;
    } catch (error) {
      // A driver that cannot build the shaders now will not later.
      console.warn(error);
      this.dispose();
      return null;
    }
  }

  private start(): void {
    if (this.disposed) return;
    try {
      this.accelerated = new WebGLRenderer(() => this.lost());
    } catch {
      return;
    }
    this.changed();
  }

  private lost(): void {
    if (this.disposed) return;
    this.accelerated = null;
    this.changed();
    setTimeout(() => this.start(), RECOVERY);
  }
}
