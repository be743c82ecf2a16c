/**
 * Where an image lies on a canvas.
 *
 * Image coordinates count columns and rows from the outer corner of the first pixel, whose centre
 * is at 0.5, 0.5 (the convention of the softcopy presentation states). Canvas coordinates are
 * device pixels from the top left corner.
 */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** x' = a x + c y + e, y' = b x + d y + f: the order of CanvasRenderingContext2D.setTransform. */
export interface Affine {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly e: number;
  readonly f: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** An image's extent and the height of a pixel in widths (from spacing or aspect ratio). */
export interface ImageShape {
  readonly columns: number;
  readonly rows: number;
  readonly pixelHeight: number;
}

/**
 * How the reader looks at an image: first turned, then mirrored, as Spatial Transformation
 * (PS3.3 C.10.6) has it.
 */
export interface View {
  /** Magnification on top of what fits the image to its canvas; or a column to a device pixel, however large that is. */
  readonly zoom: number | "1:1";
  /** The point of the image at the canvas's centre, as fractions of columns and rows. */
  readonly centre: Point;
  /** Degrees clockwise. */
  readonly rotation: number;
  /** Mirrored left to right, after the rotation. */
  readonly flipped: boolean;
}

export const RESET_VIEW: View = { zoom: 1, centre: { x: 0.5, y: 0.5 }, rotation: 0, flipped: false };

export const MINIMUM_ZOOM = 0.05;
export const MAXIMUM_ZOOM = 64;

/** A pixel's height in widths, by spacing, else by aspect ratio, else 1. */
export function pixelHeight(
  spacing: { readonly row: number; readonly column: number } | null,
  aspect: readonly [number, number] | null | undefined,
): number {
  const [height, width] = spacing ? [spacing.row, spacing.column] : (aspect ?? [1, 1]);
  return height > 0 && width > 0 ? height / width : 1;
}

export function apply(m: Affine, p: Point): Point {
  return { x: m.a * p.x + m.c * p.y + m.e, y: m.b * p.x + m.d * p.y + m.f };
}

export function invert(m: Affine): Affine {
  const determinant = m.a * m.d - m.b * m.c;
  return {
    a: m.d / determinant,
    b: -m.b / determinant,
    c: -m.c / determinant,
    d: m.a / determinant,
    e: (m.c * m.f - m.d * m.e) / determinant,
    f: (m.b * m.e - m.a * m.f) / determinant,
  };
}

/** Whether the rotation is a multiple of a right angle. */
function isUpright(rotation: number): boolean {
  return rotation % 90 === 0;
}

/** Cosine and sine, exact at right angles. */
function direction(rotation: number): readonly [number, number] {
  const quarter = ((rotation % 360) + 360) % 360;
  if (isUpright(quarter)) {
    return ([[1, 0], [0, 1], [-1, 0], [0, -1]] as const)[quarter / 90] ?? [1, 0];
  }
  const radians = (quarter * Math.PI) / 180;
  return [Math.cos(radians), Math.sin(radians)];
}

/** Device pixels a column at zoom 1: the whole turned image just fits the canvas. */
export function fitScale(shape: ImageShape, canvas: Size, rotation: number): number {
  const [cos, sin] = direction(rotation).map(Math.abs) as [number, number];
  const width = shape.columns;
  const height = shape.rows * shape.pixelHeight;
  return Math.min(
    canvas.width / (width * cos + height * sin),
    canvas.height / (width * sin + height * cos),
  );
}

/** Device pixels a column. */
export function scaleOf(view: View, shape: ImageShape, canvas: Size): number {
  return view.zoom === "1:1" ? 1 : fitScale(shape, canvas, view.rotation) * view.zoom;
}

/**
 * From image to canvas coordinates.
 *
 * Upright images start on a whole device pixel, so that at 1:1 every image pixel is exactly one
 * device pixel whatever the canvas's size.
 */
export function imageToCanvas(view: View, shape: ImageShape, canvas: Size): Affine {
  const scale = scaleOf(view, shape, canvas);
  const [cos, sin] = direction(view.rotation);
  const mirror = view.flipped ? -1 : 1;
  const a = mirror * scale * cos;
  const b = scale * sin;
  const c = -mirror * scale * shape.pixelHeight * sin;
  const d = scale * shape.pixelHeight * cos;
  const x = view.centre.x * shape.columns;
  const y = view.centre.y * shape.rows;
  const e = canvas.width / 2 - (a * x + c * y);
  const f = canvas.height / 2 - (b * x + d * y);
  if (!isUpright(view.rotation)) return { a, b, c, d, e, f };
  return { a, b, c, d, e: Math.round(e), f: Math.round(f) };
}

/** The view at which a column covers one device pixel. */
export function oneToOne(view: View): View {
  return { ...view, zoom: "1:1", centre: RESET_VIEW.centre };
}

/** The view moved by a distance on the canvas. */
export function panned(view: View, shape: ImageShape, canvas: Size, dx: number, dy: number): View {
  const inverse = invert(imageToCanvas(view, shape, canvas));
  const x = view.centre.x - (inverse.a * dx + inverse.c * dy) / shape.columns;
  const y = view.centre.y - (inverse.b * dx + inverse.d * dy) / shape.rows;
  const within = (value: number) => Math.min(Math.max(value, -0.5), 1.5);
  return { ...view, centre: { x: within(x), y: within(y) } };
}

/** The view magnified by a factor, with the point under `at` staying where it is. */
export function zoomed(
  view: View,
  shape: ImageShape,
  canvas: Size,
  factor: number,
  at: Point = { x: canvas.width / 2, y: canvas.height / 2 },
): View {
  const from = view.zoom === "1:1" ? 1 / fitScale(shape, canvas, view.rotation) : view.zoom;
  const zoom = Math.min(Math.max(from * factor, MINIMUM_ZOOM), MAXIMUM_ZOOM);
  const away = { x: at.x - canvas.width / 2, y: at.y - canvas.height / 2 };
  const toPoint = panned(view, shape, canvas, -away.x, -away.y);
  return panned({ ...toPoint, zoom }, shape, canvas, away.x, away.y);
}

/** The view turned on the screen, clockwise for positive degrees. */
export function rotated(view: View, degrees: number): View {
  // A mirrored picture turns the other way when its image is turned.
  const turn = view.flipped ? -degrees : degrees;
  return { ...view, rotation: (((view.rotation + turn) % 360) + 360) % 360 };
}

/** The view mirrored on the screen, left to right. */
export function flippedHorizontally(view: View): View {
  return { ...view, flipped: !view.flipped };
}

/** The view mirrored on the screen, top to bottom. */
export function flippedVertically(view: View): View {
  return rotated(flippedHorizontally(view), 180);
}
