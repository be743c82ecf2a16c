/** Frames on the graphics card. */

import type { PixelFormat } from "../api/model";
import type { Frame } from "../image/frame";
import { ByteCache } from "../load/byte_cache";
import type { Picture } from "./picture";
import type { SamplerKind } from "./shaders";

/** How a pixel format lies in a texture. */
interface TextureLayout {
  readonly internal: GLenum;
  readonly format: GLenum;
  readonly type: GLenum;
  readonly sampler: SamplerKind;
}

/** Bytes of textures to keep on the card. */
const TEXTURE_BYTES = 256 * 2 ** 20;

/** How the pixels of a format lie in a texture, and how a shader reads them. */
export function textureLayout(gl: WebGL2RenderingContext, format: PixelFormat): TextureLayout {
  switch (format) {
    case "int8":
      return { internal: gl.R8I, format: gl.RED_INTEGER, type: gl.BYTE, sampler: "isampler2D" };
    case "uint8":
      return { internal: gl.R8UI, format: gl.RED_INTEGER, type: gl.UNSIGNED_BYTE, sampler: "usampler2D" };
    case "int16":
      return { internal: gl.R16I, format: gl.RED_INTEGER, type: gl.SHORT, sampler: "isampler2D" };
    case "uint16":
      return { internal: gl.R16UI, format: gl.RED_INTEGER, type: gl.UNSIGNED_SHORT, sampler: "usampler2D" };
    case "rgb8":
      return { internal: gl.RGB8, format: gl.RGB, type: gl.UNSIGNED_BYTE, sampler: "sampler2D" };
    default:
      return { internal: gl.R32F, format: gl.RED, type: gl.FLOAT, sampler: "sampler2D" };
  }
}

/** A texture that reads single pixels and stays bound. */
export function newTexture(gl: WebGL2RenderingContext): WebGLTexture {
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
    gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
  }
  for (const wrap of [gl.TEXTURE_WRAP_S, gl.TEXTURE_WRAP_T]) {
    gl.texParameteri(gl.TEXTURE_2D, wrap, gl.CLAMP_TO_EDGE);
  }
  return texture;
}

interface Uploaded {
  readonly texture: WebGLTexture;
  readonly frame: Frame;
}

/** Textures of frames by key, up to a number of bytes. */
export class TextureStore {
  private readonly kept: ByteCache<Uploaded>;

  /** @param capacity bytes of textures to keep at most; a single one may exceed it. */
  constructor(
    private readonly gl: WebGL2RenderingContext,
    capacity = TEXTURE_BYTES,
  ) {
    const bytesOf = ({ frame }: Uploaded) => frame.pixels.byteLength;
    this.kept = new ByteCache(capacity, bytesOf, ({ texture }) => gl.deleteTexture(texture));
  }

  /** The texture of a picture's frame, made where the one that is kept is of other pixels. */
  get({ key, frame }: Picture): WebGLTexture {
    const known = this.kept.get(key);
    if (known?.frame === frame) return known.texture;
    const texture = this.upload(frame);
    this.kept.put(key, { texture, frame });
    return texture;
  }

  private upload(frame: Frame): WebGLTexture {
    const { gl } = this;
    const texture = newTexture(gl);
    const { internal, format, type } = textureLayout(gl, frame.format);
    gl.texImage2D(gl.TEXTURE_2D, 0, internal, frame.columns, frame.rows, 0, format, type, frame.pixels);
    return texture;
  }
}
