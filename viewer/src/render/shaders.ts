/**
 * The fragment shader: canvas pixel to image pixel, stored value to grey through the table.
 *
 * What does not change from one pixel to the next is constant in the source rather than a uniform:
 * software rasterisers walk both ways of every branch that is not.
 */

export const VERTEX_SHADER = `#version 300 es
in vec2 corner;
void main() { gl_Position = vec4(corner, 0.0, 1.0); }`;

export type SamplerKind = "isampler2D" | "usampler2D" | "sampler2D";

/** What a shader is written for. */
export interface ShaderVariant {
  readonly sampler: SamplerKind;
  readonly colour: boolean;
  /** Between pixels: nothing, four neighbours, or the mean of so many by so many texels. */
  readonly samples: "nearest" | "bilinear" | 2 | 3 | 4;
  /** Whether some stored values are padding; NaN always is. */
  readonly padded: boolean;
  /** Whether to mix neighbouring entries of the table. */
  readonly coarse: boolean;
  /** Whether the table's entries are colours. */
  readonly palette: boolean;
}

function header({ sampler, samples, padded, coarse, palette }: ShaderVariant): string {
  const count = typeof samples === "number" ? samples : 1;
  return `#version 300 es
precision highp float;
precision highp int;
precision highp isampler2D;
precision highp usampler2D;
precision highp sampler2D;
uniform ${sampler} image;
uniform sampler2D table;
uniform mat3x2 toImage;   // from device pixels, counted from the top left
uniform float top;        // gl_FragCoord.y of the canvas's upper edge
uniform ivec2 size;       // columns, rows
uniform float scale, offset;
uniform int entries;
uniform vec2 padding;
const bool interpolated = ${samples !== "nearest"};
const int samples = ${count};
const bool floating = ${sampler === "sampler2D"};
const bool padded = ${padded || sampler === "sampler2D"};
const bool coarse = ${coarse};
out vec4 colour;
vec3 entry(int index) {
  vec3 found = texelFetch(table, ivec2(index & 255, index >> 8), 0).rgb;
  return ${palette ? "found" : "found.rrr"};
}`;
}

/** Image coordinates of this fragment; black outside the image. */
const MAIN = `
void main() {
  vec2 device = vec2(gl_FragCoord.x, top - gl_FragCoord.y);
  vec2 p = toImage * vec3(device, 1.0);
  if (p.x < 0.0 || p.y < 0.0 || p.x >= float(size.x) || p.y >= float(size.y)) {
    colour = vec4(0.0, 0.0, 0.0, 1.0);
    return;
  }
  colour = vec4(shade(p), 1.0);
}`;

const GREY = `
float stored(ivec2 q) { return float(texelFetch(image, q, 0).r); }
bool isPadding(float value) {
  return (value >= padding.x && value <= padding.y) || (floating && isnan(value));
}
vec3 shown(float value) {
  float index = clamp(value * scale + offset, 0.0, float(entries - 1));
  if (!coarse) return entry(int(index + 0.5));
  float low = floor(index);
  return mix(entry(int(low)), entry(min(int(low) + 1, entries - 1)), index - low);
}
float instead(ivec2 q, float centre) {
  float value = stored(q);
  return padded && isPadding(value) ? centre : value;
}
float bilinear(vec2 p, float centre) {
  vec2 r = p - 0.5;
  vec2 low = floor(r);
  vec2 f = r - low;
  ivec2 q = max(ivec2(low), ivec2(0));
  ivec2 s = min(ivec2(low) + 1, size - 1);
  return mix(
    mix(instead(q, centre), instead(ivec2(s.x, q.y), centre), f.x),
    mix(instead(ivec2(q.x, s.y), centre), instead(s, centre), f.x), f.y);
}
float average(vec2 p, float centre) {
  float sum = 0.0;
  for (int j = 0; j < samples; j++) for (int i = 0; i < samples; i++) {
    vec2 within = (vec2(i, j) + 0.5) / float(samples) - 0.5;
    ivec2 q = ivec2(floor(p + mat2(toImage[0], toImage[1]) * within));
    sum += instead(clamp(q, ivec2(0), size - 1), centre);
  }
  return sum / float(samples * samples);
}
vec3 shade(vec2 p) {
  float centre = 0.0;
  if (padded || !interpolated) {
    centre = stored(ivec2(p));
    if (padded && isPadding(centre)) return vec3(0.0);
  }
  if (!interpolated) return shown(centre);
  return shown(samples > 1 ? average(p, centre) : bilinear(p, centre));
}`;

const COLOUR = `
vec3 texel(ivec2 q) { return texelFetch(image, q, 0).rgb; }
vec3 bilinear(vec2 p) {
  vec2 r = p - 0.5;
  vec2 low = floor(r);
  vec2 f = r - low;
  ivec2 q = max(ivec2(low), ivec2(0));
  ivec2 s = min(ivec2(low) + 1, size - 1);
  return mix(
    mix(texel(q), texel(ivec2(s.x, q.y)), f.x),
    mix(texel(ivec2(q.x, s.y)), texel(s), f.x), f.y);
}
vec3 average(vec2 p) {
  vec3 sum = vec3(0.0);
  for (int j = 0; j < samples; j++) for (int i = 0; i < samples; i++) {
    vec2 within = (vec2(i, j) + 0.5) / float(samples) - 0.5;
    ivec2 q = ivec2(floor(p + mat2(toImage[0], toImage[1]) * within));
    sum += texel(clamp(q, ivec2(0), size - 1));
  }
  return sum / float(samples * samples);
}
vec3 shade(vec2 p) {
  vec3 value = !interpolated ? texel(ivec2(p)) : samples > 1 ? average(p) : bilinear(p);
  ivec3 index = ivec3(value * 255.0 + 0.5);
  return vec3(entry(index.r).r, entry(index.g).r, entry(index.b).r);
}`;

/** The fragment shader of a variant. */
export function fragmentShader(variant: ShaderVariant): string {
  return header(variant) + (variant.colour ? COLOUR : GREY) + MAIN;
}
