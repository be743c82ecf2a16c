/** What a page hears the archive by, in the hands of a test. */

/** An event source that the test moves. */
export class Line extends EventTarget {
  static readonly CLOSED = 2;
  static all: Line[] = [];
  readyState = 0;
  constructor(readonly url: string) {
    super();
    Line.all.push(this);
  }
  close(): void {
    this.readyState = Line.CLOSED;
  }
  tell(type: string, data?: object): void {
    this.dispatchEvent(Object.assign(new Event(type), { data: JSON.stringify(data) }));
  }
  static get open(): Line[] {
    return Line.all.filter((line) => line.readyState !== Line.CLOSED);
  }
}

export const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
