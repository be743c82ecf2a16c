declare module "@cornerstonejs/codec-openjph/wasmjs" {
  interface HTJ2KDecoder {
    getEncodedBuffer(length: number): Uint8Array;
    decode(): void;
    getDecodedBuffer(): Uint8Array;
    delete(): void;
  }
  interface OpenJphModule {
    HTJ2KDecoder: new () => HTJ2KDecoder;
  }
  export default function create(options: { locateFile: () => string }): Promise<OpenJphModule>;
}
declare module "@cornerstonejs/codec-openjph/wasm?url" {
  const url: string;
  export default url;
}
