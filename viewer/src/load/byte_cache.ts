/** Keeps values up to a number of bytes; the ones used longest ago leave first. */
export class ByteCache<Value> {
  private readonly values = new Map<string, Value>();
  private bytes = 0;

  /**
   * @param capacity bytes to keep at most; a single value may exceed it.
   * @param bytesOf how many bytes a value takes.
   * @param left hears of every value that is no longer kept.
   */
  constructor(
    readonly capacity: number,
    private readonly bytesOf: (value: Value) => number,
    private readonly left: (value: Value) => void = () => {},
  ) {}

  /** A value, which counts as used now. */
  get(key: string): Value | undefined {
    const value = this.values.get(key);
    if (value !== undefined) {
      this.values.delete(key);
      this.values.set(key, value);
    }
    return value;
  }

  /** Whether a value is here, without counting as use. */
  has(key: string): boolean {
    return this.values.has(key);
  }

  /** Keep a value, in the place of what was kept by this key before. */
  put(key: string, value: Value): void {
    this.remove(key);
    this.values.set(key, value);
    this.bytes += this.bytesOf(value);
    for (const oldest of this.values.keys()) {
      if (this.bytes <= this.capacity || oldest === key) break;
      this.remove(oldest);
    }
  }

  private remove(key: string): void {
    const value = this.values.get(key);
    if (value === undefined) return;
    this.bytes -= this.bytesOf(value);
    this.values.delete(key);
    this.left(value);
  }

  get size(): number {
    return this.values.size;
  }

  get usedBytes(): number {
    return this.bytes;
  }
}
