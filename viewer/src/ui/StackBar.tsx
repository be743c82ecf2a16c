import { useEffect, useRef } from "preact/hooks";
import type { Stage } from "../viewer/stage";
import type { Viewport } from "../viewer/viewport";

interface StackBarProps {
  readonly stage: Stage;
  readonly viewport: Viewport;
}

/** Marks the loaded images along the bar, one row of the canvas an image. */
function paintLoaded(canvas: HTMLCanvasElement, { stage, viewport }: StackBarProps): void {
  const count = viewport.count.peek();
  canvas.height = count;
  // In the page's own memory, where the marks outlast the graphics process.
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) return;
  context.fillStyle = getComputedStyle(canvas).color;
  for (let i = 0; i < count; i++) {
    if (stage.isLoaded(viewport, i)) context.fillRect(0, i, 1, 1);
  }
}

function useLoadedMarks(props: StackBarProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const series = props.viewport.series.value;
  useEffect(() => {
    let waiting = 0;
    const paint = () => {
      waiting = 0;
      if (canvas.current) paintLoaded(canvas.current, props);
    };
    paint();
    const end = props.stage.onLoaded(() => {
      waiting ||= requestAnimationFrame(paint);
    });
    return () => {
      cancelAnimationFrame(waiting);
      end();
    };
  }, [series]);
  return canvas;
}

/** Where in the stack the reader is, and how much of it has been loaded. */
export function StackBar(props: StackBarProps) {
  const { viewport } = props;
  const canvas = useLoadedMarks(props);
  const count = viewport.count.value;
  if (count < 2) return null;
  const goTo = (event: PointerEvent) => {
    const bar = event.currentTarget as HTMLElement;
    const box = bar.getBoundingClientRect();
    viewport.goTo(((event.clientY - box.top) / box.height) * count - 0.5);
  };
  const at = viewport.wanted.value;
  return (
    <div
      class="stack-bar"
      role="slider"
      tabIndex={-1}
      aria-orientation="vertical"
      aria-label="Image"
      aria-valuemin={1}
      aria-valuemax={count}
      aria-valuenow={at + 1}
      onPointerDown={(event) => {
        if (event.button !== 0) return;
        event.currentTarget.setPointerCapture(event.pointerId);
        goTo(event);
      }}
      onPointerMove={(event) => event.currentTarget.hasPointerCapture(event.pointerId) && goTo(event)}
    >
      <canvas ref={canvas} width={1} />
      <span class="stack-place" style={{ top: `${((at + 0.5) / count) * 100}%` }} />
    </div>
  );
}
