/** Fetches HTJ2K code streams and decodes them off the main thread. */

import createDecoderModule from "@cornerstonejs/codec-openjph/wasmjs";
import wasmUrl from "@cornerstonejs/codec-openjph/wasm?url";

export interface DecodeRequest {
  readonly id: number;
  /** What to fetch and decode, or null to give up the request of this id. */
  readonly url: string | null;
}

export type DecodeAnswer =
  | { readonly id: number; readonly pixels: ArrayBuffer }
  | { readonly id: number; readonly status: number; readonly error: string };

const ready = createDecoderModule({ locateFile: () => wasmUrl });
const underWay = new Map<number, AbortController>();

async function fetchCodeStream(url: string, signal: AbortSignal): Promise<Uint8Array> {
  const response = await fetch(url, { signal });
  if (!response.ok) {
    throw Object.assign(new Error((await response.text()).slice(0, 300)), { status: response.status });
  }
  return new Uint8Array(await response.arrayBuffer());
}

async function decode(codeStream: Uint8Array): Promise<ArrayBuffer> {
  const decoder = new (await ready).HTJ2KDecoder();
  try {
    decoder.getEncodedBuffer(codeStream.length).set(codeStream);
    decoder.decode();
    // The buffer is the decoder's own memory: what leaves the worker is a copy.
    return decoder.getDecodedBuffer().slice().buffer as ArrayBuffer;
  } finally {
    decoder.delete();
  }
}

async function answer(id: number, url: string): Promise<void> {
  const controller = new AbortController();
  underWay.set(id, controller);
  try {
    const pixels = await decode(await fetchCodeStream(url, controller.signal));
    postMessage({ id, pixels } satisfies DecodeAnswer, { transfer: [pixels] });
  } catch (error) {
    const { status = 0, message } = error as { status?: number; message?: string };
    postMessage({ id, status, error: message ?? String(error) } satisfies DecodeAnswer);
  } finally {
    underWay.delete(id);
  }
}

addEventListener("message", (event: MessageEvent<DecodeRequest>) => {
  const { id, url } = event.data;
  if (url === null) underWay.get(id)?.abort();
  else void answer(id, url);
});
