/** One frame from the server, in the encoding that suits the way to it. */

import { frameUrl, isAbort, request } from "../api/client";
import type { DisplayModel, ImageEntry, SeriesDisplay } from "../api/model";
import { fitsHtj2k, type Frame, frameBytes, frameFromBytes } from "../image/frame";
import type { EarlyFrame } from "./early_frame";
import { fetchHtj2k } from "./htj2k";
import type { Link } from "./link";

/** Which encoding to ask for: by the link's speed, or always the same one. */
export type EncodingPolicy = "automatic" | "raw" | "htj2k";

/** Under this many bytes a frame is sent as fast raw. */
const SMALL_FRAME = 64 * 1024;

async function fetchRaw(url: string, link: Link, signal: AbortSignal): Promise<ArrayBuffer> {
  const response = await request(url, signal);
  // Timed from the headers on: what the server needed before is not the link's doing.
  link.begin(performance.now());
  let sent = 0;
  try {
    const bytes = await response.arrayBuffer();
    sent = Number(response.headers.get("content-length")) || bytes.byteLength;
    return bytes;
  } finally {
    link.end(performance.now(), sent);
  }
}

function wantsHtj2k(model: DisplayModel, link: Link, policy: EncodingPolicy): boolean {
  if (policy === "raw" || !fitsHtj2k(model.format)) return false;
  if (policy === "htj2k") return true;
  return link.isSlow && frameBytes(model.rows, model.columns, model.format) > SMALL_FRAME;
}

/** Load one frame of a series; the first one may be on its way already. */
export async function fetchFrame(
  series: SeriesDisplay,
  image: ImageEntry,
  link: Link,
  policy: EncodingPolicy,
  signal: AbortSignal,
  early: EarlyFrame | null = null,
): Promise<Frame> {
  const model = series.models[image.model];
  if (!model) throw new RangeError(`Image ${image.instance} has no display model`);
  const url = (encoding: "raw" | "htj2k") =>
    frameUrl(series.study, series.series, image, encoding);
  const length = frameBytes(model.rows, model.columns, model.format);
  const frame = (bytes: ArrayBuffer) =>
    frameFromBytes(bytes, model.rows, model.columns, model.format);
  const atHand = await early?.take(url("raw"), link, signal);
  // One that was cut short on the way is asked for again, at its own address.
  if (atHand?.byteLength === length) return frame(atHand);
  if (wantsHtj2k(model, link, policy)) {
    try {
      return frame(await fetchHtj2k(url("htj2k"), signal));
    } catch (error) {
      // The other encoding carries the same pixels; only when both fail has the frame failed.
      if (isAbort(error)) throw error;
    }
  }
  return frame(await fetchRaw(url("raw"), link, signal));
}
