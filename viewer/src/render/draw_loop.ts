/** Draws at most once a display frame what was asked for since the last one. */
export class DrawLoop {
  private readonly waiting = new Set<() => void>();
  private scheduled = false;

  /** @param schedule calls back before the next repaint; `requestAnimationFrame` in a page. */
  constructor(private readonly schedule: (callback: () => void) => unknown) {}

  /** Ask for a drawing; asking again before it happened changes nothing. */
  request(draw: () => void): void {
    this.waiting.add(draw);
    if (this.scheduled) return;
    this.scheduled = true;
    this.schedule(() => this.run());
  }

  /** Take back what was asked for. */
  cancel(draw: () => void): void {
    this.waiting.delete(draw);
  }

  private run(): void {
    this.scheduled = false;
    const drawings = [...this.waiting];
    this.waiting.clear();
    for (const draw of drawings) draw();
  }
}
