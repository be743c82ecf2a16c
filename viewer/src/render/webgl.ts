/** Draws with WebGL2: one context for the whole page, however many canvases it has. */

import type { DisplayTable } from "../image/display_table";
import { type Picture, type Renderer, samplesPerSide } from "./picture";
import { fragmentShader, type ShaderVariant, VERTEX_SHADER } from "./shaders";
import { newTexture, textureLayout, TextureStore } from "./textures";

interface Program {
  readonly program: WebGLProgram;
  readonly uniforms: Readonly<Record<string, WebGLUniformLocation | null>>;
}

const UNIFORMS = [
  "image", "table", "toImage", "top", "size", "scale", "offset", "entries", "padding",
] as const;

const TABLE_SIDE = 256;

function compile(gl: WebGL2RenderingContext, kind: GLenum, source: string): WebGLShader {
  const shader = gl.createShader(kind) as WebGLShader;
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}

function link(gl: WebGL2RenderingContext, fragment: string): Program {
  const program = gl.createProgram();
  gl.attachShader(program, compile(gl, gl.VERTEX_SHADER, VERTEX_SHADER));
  gl.attachShader(program, compile(gl, gl.FRAGMENT_SHADER, fragment));
  gl.bindAttribLocation(program, 0, "corner");
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(`The shader does not link: ${gl.getProgramInfoLog(program)}`);
  }
  const uniforms = Object.fromEntries(
    UNIFORMS.map((name) => [name, gl.getUniformLocation(program, name)]),
  );
  return { program, uniforms };
}

function samplesOf({ toImage, smooth }: Picture): ShaderVariant["samples"] {
  if (!smooth) return "nearest";
  const side = samplesPerSide(toImage, smooth);
  return side > 1 ? (side as 2 | 3 | 4) : "bilinear";
}

/** Rasterisers that run on the processor, as they call themselves. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

function isSoftware(gl: WebGL2RenderingContext): boolean {
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  return SOFTWARE.test(String(gl.getParameter(names?.UNMASKED_RENDERER_WEBGL ?? gl.RENDERER)));
}

export class WebGLRenderer implements Renderer {
  readonly name = "webgl2";
  /** Whether there is no graphics card behind the context. */
  readonly isSoftware: boolean;
  private readonly surface = new OffscreenCanvas(1, 1);
  private readonly gl: WebGL2RenderingContext;
  private readonly textures: TextureStore;
  private readonly programs = new Map<string, Program>();
  private readonly tableBytes = new Uint8Array(TABLE_SIDE * TABLE_SIDE * 3);
  /** What the table's texture holds now. */
  private tableValues: Uint8Array | null = null;
  private readonly largest: number;

  /**
   * @param lost called once when the context is gone (driver reset, too many pages).
   * @throws Error where the browser has no WebGL2.
   */
  constructor(lost: () => void) {
    const gl = this.surface.getContext("webgl2", {
      alpha: false,
      antialias: false,
      depth: false,
    });
    if (!gl) throw new Error("This browser has no WebGL2");
    this.gl = gl;
    this.isSoftware = isSoftware(gl);
    this.surface.addEventListener("webglcontextlost", lost, { once: true });
    this.largest = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.textures = new TextureStore(gl);
    gl.activeTexture(gl.TEXTURE1);
    newTexture(gl);
    this.oneTriangle();
  }

  /** A triangle that covers every canvas. */
  private oneTriangle(): void {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, new Float32Array([-1, -1, 3, -1, -1, 3]), gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
  }

  private programFor(picture: Picture): Program {
    const variant: ShaderVariant = {
      sampler: textureLayout(this.gl, picture.frame.format).sampler,
      colour: picture.frame.format === "rgb8",
      samples: samplesOf(picture),
      padded: picture.padding !== null,
      coarse: picture.smooth && picture.table.isCoarse,
      palette: picture.table.coloured,
    };
    const name = Object.values(variant).join(" ");
    let program = this.programs.get(name);
    if (!program) this.programs.set(name, (program = link(this.gl, fragmentShader(variant))));
    return program;
  }

  private resize(width: number, height: number): void {
    const { surface, gl } = this;
    if (surface.width === width && surface.height === height) return;
    surface.width = width;
    surface.height = height;
    gl.viewport(0, 0, width, height);
  }

  /** Bring the table into its texture, unless it is there. */
  private useTable(table: DisplayTable): void {
    if (table.values === this.tableValues) return;
    this.tableValues = table.values;
    const { gl, tableBytes } = this;
    tableBytes.set(table.values);
    const format = table.coloured ? gl.RGB : gl.RED;
    const internal = table.coloured ? gl.RGB8 : gl.R8;
    gl.activeTexture(gl.TEXTURE1);
    gl.texImage2D(
      gl.TEXTURE_2D, 0, internal, TABLE_SIDE, TABLE_SIDE, 0, format, gl.UNSIGNED_BYTE, tableBytes,
    );
  }

  private setUniforms({ uniforms }: Program, picture: Picture): void {
    const { gl } = this;
    const { frame, table, toImage: m, padding } = picture;
    gl.uniform1i(uniforms.image ?? null, 0);
    gl.uniform1i(uniforms.table ?? null, 1);
    gl.uniformMatrix3x2fv(uniforms.toImage ?? null, false, [m.a, m.b, m.c, m.d, m.e, m.f]);
    gl.uniform1f(uniforms.top ?? null, this.surface.height);
    gl.uniform2i(uniforms.size ?? null, frame.columns, frame.rows);
    gl.uniform1f(uniforms.scale ?? null, table.scale);
    gl.uniform1f(uniforms.offset ?? null, table.offset);
    gl.uniform1i(uniforms.entries ?? null, table.entries);
    gl.uniform2f(uniforms.padding ?? null, padding?.low ?? 1, padding?.high ?? 0);
  }

  draw(picture: Picture, width: number, height: number): ImageBitmap | null {
    const { gl, surface } = this;
    if (Math.max(picture.frame.columns, picture.frame.rows, width, height) > this.largest) return null;
    if (gl.isContextLost()) return null;
    this.resize(width, height);
    const program = this.programFor(picture);
    gl.useProgram(program.program);
    this.useTable(picture.table);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.textures.get(picture));
    this.setUniforms(program, picture);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    return surface.transferToImageBitmap();
  }

  dispose(): void {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
