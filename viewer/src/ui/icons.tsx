/** Icons drawn on a grid of 20, with the text's colour. */

const PATHS = {
  window: "M10 3a7 7 0 1 0 0 14a7 7 0 1 0 0-14M10 3v14M12.5 4.5v11M15 6.2v7.6",
  pan: "M10 2.5v15M2.5 10h15M10 2.5l-2 2M10 2.5l2 2M10 17.5l-2-2M10 17.5l2-2M2.5 10l2-2M2.5 10l2 2M17.5 10l-2-2M17.5 10l-2 2",
  zoom: "M8.5 3a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M12.6 12.6L17 17M8.5 6.2v4.6M6.2 8.5h4.6",
  scroll: "M5 4h10M5 8h10M5 12h10M5 16h10",
  invert: "M3.5 3.5h13v13h-13zM3.5 16.5l13-13M10 16.5l6.5-6.5M13.5 16.5l3-3",
  "rotate-right": "M15.5 10a5.5 5.5 0 1 1-1.8-4.1L16 8M16 3.5V8h-4.5",
  "rotate-left": "M4.5 10a5.5 5.5 0 1 0 1.8-4.1L4 8M4 3.5V8h4.5",
  "flip-horizontal": "M10 3v14M7.5 5.5L2.5 14.5h5zM12.5 5.5l5 9h-5z",
  "flip-vertical": "M3 10h14M5.5 7.5L14.5 2.5v5zM5.5 12.5l9 5v-5z",
  fit: "M3 7V3h4M13 3h4v4M17 13v4h-4M7 17H3v-4M7 7h6v6H7z",
  "one-to-one": "M4.5 6l2-1.5v11M13 6l2-1.5v11M10 8v.2M10 12v.2",
  reset: "M4 10a6 6 0 1 0 2-4.5M3.5 3.5v4h4M10 7v3.2l2.2 1.4",
  play: "M6.5 4l9 6l-9 6z",
  stop: "M6 4.5h2.6v11H6zM11.4 4.5H14v11h-2.6z",
  interpolation: "M3 16c4 0 4-12 7-12s3 12 7 12",
  overlays: "M10 3l7 4l-7 4l-7-4zM3 10.5l7 4l7-4M3 13.8l7 4l7-4",
  "corner-text": "M4 5h7M4 8h4M16 15h-7M16 12h-4",
  tags: "M3 4.5h14v11H3zM3 8.2h14M7.5 8.2v7.3M3 11.8h14",
  "full-screen": "M3 7.5V3h4.5M12.5 3H17v4.5M17 12.5V17h-4.5M7.5 17H3v-4.5",
  help: "M10 2.8a7.2 7.2 0 1 0 0 14.4a7.2 7.2 0 1 0 0-14.4M7.9 8a2.1 2.1 0 1 1 3 1.9c-.7.4-.9.8-.9 1.6M10 14v.2",
  back: "M12.5 4l-6 6l6 6",
  forward: "M7.5 4l6 6l-6 6",
  first: "M5 4v12M15 4l-6 6l6 6",
  last: "M15 4v12M5 4l6 6l-6 6",
  close: "M5 5l10 10M15 5L5 15",
  search: "M8.5 3a5.5 5.5 0 1 0 0 11a5.5 5.5 0 1 0 0-11M12.6 12.6L17 17",
  warning: "M10 3l7.5 13.5h-15zM10 8.5v3.5M10 14.2v.2",
  "layout-0": "M3 3.5h14v13H3z",
  "layout-1": "M3 3.5h14v13H3zM10 3.5v13",
  "layout-2": "M3 3.5h14v13H3zM3 10h14",
  "layout-3": "M3 3.5h14v13H3zM10 3.5v13M3 10h14",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}

/** The mark of Isocenter: where every beam passes. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <g fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round">
        <circle cx="16" cy="16" r="8.5" />
        <path d="M16 3v7M16 22v7M3 16h7M22 16h7" />
      </g>
      <circle cx="16" cy="16" r="2.2" class="mark-centre" />
    </svg>
  );
}
