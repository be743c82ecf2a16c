import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef } from "preact/hooks";
import { fetchFirstInstance, fetchTags, isAbort } from "../api/client";
import type { TagRow } from "../api/model";
import { filterTags } from "../viewer/tag_filter";
import type { Viewport } from "../viewer/viewport";
import type { Workspace } from "../viewer/workspace";
import { Icon } from "./icons";

/** Height of a row in CSS pixels; rows out of sight are not made. */
const ROW = 24;
/** Scrolling through a stack rests this long before its tags are asked for. */
const REST = 150;

interface Loaded {
  /** Whose tags they are: Study Instance UID. */
  readonly study: string | null;
  readonly rows: readonly TagRow[];
  readonly error: string | null;
}

const EMPTY: Loaded = { study: null, rows: [], error: null };

/**
 * What is looked at: an image, or a series without images, of which the first object stands for all.
 * `as` is another one when the object is replaced.
 */
function lookedAt(viewport: Viewport) {
  const shown = viewport.shown.value;
  if (shown) {
    const { study, series } = shown.series;
    return { study, series, instance: shown.image.instance, as: shown.image.version };
  }
  const content = viewport.content.value;
  if (content.kind !== "undisplayable") return null;
  return { study: content.study, series: content.series, instance: null, as: content };
}

async function load(at: NonNullable<ReturnType<typeof lookedAt>>, signal: AbortSignal): Promise<Loaded> {
  const { study } = at;
  try {
    const instance = at.instance ?? (await fetchFirstInstance(study, at.series, signal));
    if (instance === null) return EMPTY;
    return { study, rows: await fetchTags(study, at.series, instance, signal), error: null };
  } catch (error) {
    if (isAbort(error)) throw error;
    return { study, rows: [], error: (error as Error).message };
  }
}

/** Tags of what the active viewport shows. */
function useTags(workspace: Workspace): Loaded {
  const loaded = useSignal<Loaded>(EMPTY);
  const at = lookedAt(workspace.active.value);
  useEffect(() => {
    if (!at) {
      loaded.value = EMPTY;
      return;
    }
    const controller = new AbortController();
    const start = () =>
      load(at, controller.signal).then(
        (answer) => {
          loaded.value = answer;
        },
        () => {
          // Given up: another image's tags are on their way.
        },
      );
    const timer = setTimeout(start, loaded.peek().rows.length > 0 ? REST : 0);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [at?.study, at?.series, at?.instance, at?.as]);
  // Never one patient's tags beside another's image, however long the server takes.
  return loaded.value.study === at?.study ? loaded.value : EMPTY;
}

function Row({ row, top, matched }: { row: TagRow; top: number; matched: boolean }) {
  return (
    <tr class={matched ? "" : "ancestor"} style={{ transform: `translateY(${top}px)` }}>
      <td class="tag" style={{ paddingLeft: `${10 + Math.min(row.level, 7) * 6}px` }}>{row.tag}</td>
      <td class="vr">{row.vr}</td>
      <td class="name" title={row.name || row.keyword}>{row.keyword || row.name || "Private"}</td>
      <td class="value" title={row.value}>{row.value}</td>
    </tr>
  );
}

export function TagTable({ workspace }: { workspace: Workspace }) {
  const { rows, error } = useTags(workspace);
  const filter = useSignal("");
  const scroll = useSignal({ top: 0, height: 800 });
  const body = useRef<HTMLDivElement>(null);
  const input = useRef<HTMLInputElement>(null);
  const found = useMemo(() => filterTags(rows, filter.value), [rows, filter.value]);
  const matches = found.filter(({ matched }) => matched).length;
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    input.current?.focus({ preventScroll: true });
    return () => {
      // Nowhere, when it was here.
      if (document.activeElement === document.body) before?.focus({ preventScroll: true });
    };
  }, []);
  const measure = () => {
    const element = body.current;
    if (element) scroll.value = { top: element.scrollTop, height: element.clientHeight };
  };
  useEffect(measure, [rows]);
  const first = Math.max(0, Math.floor(scroll.value.top / ROW) - 10);
  const last = Math.ceil((scroll.value.top + scroll.value.height) / ROW) + 10;
  return (
    <aside class="panel" aria-label="DICOM tags">
      <header>
        <input
          ref={input}
          type="search"
          placeholder="Filter by tag, keyword or value"
          aria-label="Filter tags"
          value={filter.value}
          onInput={(event) => {
            filter.value = event.currentTarget.value;
            if (body.current) body.current.scrollTop = 0;
          }}
        />
        <span class="panel-count" role="status">{filter.value ? `${matches} of ${rows.length}` : rows.length}</span>
        <button
          type="button"
          class="icon-button"
          aria-label="Close the tags"
          title="Close (Esc)"
          onClick={() => {
            workspace.panel.value = "none";
          }}
        >
          <Icon name="close" />
        </button>
      </header>
      {error && <p class="notice" role="alert"><Icon name="warning" /> {error}</p>}
      <div class="tag-rows" ref={body} onScroll={measure} tabIndex={0}>
        <table aria-label="Data elements" aria-rowcount={found.length}>
          <tbody style={{ height: `${found.length * ROW}px` }}>
            {found.slice(first, last).map(({ row, matched }, i) => (
              <Row key={first + i} row={row} matched={matched} top={(first + i) * ROW} />
            ))}
          </tbody>
        </table>
        {rows.length > 0 && matches === 0 && <p class="nothing">No element matches</p>}
      </div>
    </aside>
  );
}
