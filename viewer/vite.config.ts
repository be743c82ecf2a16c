import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

/** The codec is bundled with its worker, where Vite gathers no licenses. */
const codecLicense = {
  name: "codec-license",
  generateBundle(this: { emitFile(file: object): string }) {
    const source = readFileSync("node_modules/@cornerstonejs/codec-openjph/LICENSE");
    this.emitFile({ type: "asset", fileName: "license-openjph.txt", source });
  },
};

// `npm run dev` shows the page from its source, with the data of an `isocenter serve` beside it.
export default defineConfig({
  build: { target: "es2022", assetsInlineLimit: 0, license: { fileName: "licenses.md" } },
  plugins: [codecLicense],
  worker: { format: "es" },
  server: { proxy: { "/api": "http://127.0.0.1:8104", "/dicomweb": "http://127.0.0.1:8104" } },
  test: { include: ["tests/**/*.test.ts"] },
} as Parameters<typeof defineConfig>[0]);
