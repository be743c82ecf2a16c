import { expect, test } from "vitest";
import { frameFromBytes } from "../../src/image/frame";
import type { Picture } from "../../src/render/picture";
import { TextureStore } from "../../src/render/textures";

/** What a graphics card is asked for textures. */
function card() {
  const held = new Set<WebGLTexture>();
  let made = 0;
  const gl = {
    createTexture: () => {
      const texture = { number: ++made };
      held.add(texture);
      return texture;
    },
    deleteTexture: (texture: WebGLTexture) => held.delete(texture),
    bindTexture: () => {},
    texParameteri: () => {},
    texImage2D: () => {},
  } as unknown as WebGL2RenderingContext;
  return { gl, held, made: () => made };
}

/** A picture of ten bytes that have just come. */
function arriving(key: string): Picture {
  return { key, frame: frameFromBytes(new ArrayBuffer(10), 1, 10, "uint8") } as Picture;
}

test("a frame that is drawn again is not brought to the card again", () => {
  const { gl, made } = card();
  const store = new TextureStore(gl);
  const picture = arriving("a");
  expect(store.get(picture)).toBe(store.get({ ...picture }));
  expect(made()).toBe(1);
});

test("a frame that comes back takes the place of its texture on the card", () => {
  const { gl, held } = card();
  const store = new TextureStore(gl);
  store.get(arriving("a"));
  const last = store.get(arriving("a"));
  expect([...held]).toEqual([last]);
});

test("frames that come back count once, and drive no other texture out", () => {
  const { gl, held, made } = card();
  const store = new TextureStore(gl, 30);
  const others = [arriving("b"), arriving("c")];
  for (const other of others) store.get(other);
  for (let i = 0; i < 5; i++) store.get(arriving("a"));
  for (const other of others) store.get(other);
  expect([held.size, made()]).toEqual([3, 7]);
});

test("the texture drawn longest ago leaves the card first", () => {
  const { gl, held } = card();
  const store = new TextureStore(gl, 20);
  const [first, second] = [store.get(arriving("a")), store.get(arriving("b"))];
  const third = store.get(arriving("c"));
  expect(held).toEqual(new Set([second, third]));
  expect(held).not.toContain(first);
});
