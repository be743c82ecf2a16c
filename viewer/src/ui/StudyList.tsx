import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useMemo, useRef } from "preact/hooks";
import { PAGE_SIZE } from "../api/client";
import type { Study, StudyQuery, StudySortKey } from "../api/model";
import { StudySearch } from "../list/study_search";
import { listAddress, viewerAddress } from "../viewer/address";
import { counted, formatDate, formatTime, grouped } from "./format";
import { Icon, Mark } from "./icons";
import { followLink, navigate, notedPlace, notePlace, replaceAddress } from "./router";
import { SearchForm } from "./SearchForm";

interface Column {
  readonly key: StudySortKey;
  readonly label: string;
  readonly class: string;
  /** What stands in the column, where its label cannot say it. */
  readonly hint?: string;
}

/** Once the list has not been scrolled for this many milliseconds, its place is noted. */
const REST = 100;

const COLUMNS: readonly Column[] = [
  { key: "patientName", label: "Patient", class: "patient" },
  { key: "patientId", label: "ID", class: "patient-id" },
  { key: "studyDate", label: "Study date", class: "date" },
  { key: "modality", label: "Modality", class: "modality" },
  { key: "description", label: "Description", class: "description" },
  { key: "accession", label: "Accession", class: "accession" },
  {
    key: "instanceCount",
    label: "Objects / series",
    class: "count",
    hint:
      "DICOM objects of the study: images, and also reports, waveforms, plans and all else. " +
      "A multi-frame object counts once. After the stroke, the series they are in.",
  },
];

function HeaderCell({ column, search }: { column: Column; search: StudySearch }) {
  const { sort, descending } = search.query.value;
  const sorted = sort === column.key;
  const order = descending ? "descending" : "ascending";
  return (
    <th class={column.class} aria-sort={sorted ? order : "none"} scope="col">
      <button type="button" title={column.hint} onClick={() => search.sortBy(column.key)}>
        {column.label}
        <span class="sort-arrow" aria-hidden="true">
          {sorted ? (descending ? "▾" : "▴") : ""}
        </span>
      </button>
    </th>
  );
}

interface RowProps {
  readonly study: Study;
  /** The study's address, for a tab of its own. */
  readonly address: string;
  readonly fresh: boolean;
  readonly focusable: boolean;
  onFocus(): void;
  onOpen(): void;
}

function StudyRow({ study, address, fresh, focusable, onFocus, onOpen }: RowProps) {
  const name = study.patientName || "No name";
  const person = [formatDate(study.birthDate), study.sex].filter((part) => part.trim());
  const contents = `${counted(study.instanceCount, "object")} in ${study.seriesCount} series`;
  return (
    <tr
      class={fresh ? "fresh" : ""}
      data-uid={study.uid}
      tabIndex={focusable ? 0 : -1}
      onFocus={onFocus}
      onClick={(event) => followLink(event, onOpen)}
    >
      <td class="patient" title={[name, ...person].join(" · ")}>
        <a
          href={address}
          tabIndex={-1}
          onClick={(event) => event.stopPropagation() ?? followLink(event, onOpen)}
        >
          {name}
        </a>
        <span class="secondary">
          {person.join(" · ")}
        </span>
      </td>
      <td class="patient-id" title={study.patientId}>{study.patientId}</td>
      <td class="date">
        {formatDate(study.studyDate)} <span class="secondary">{formatTime(study.studyTime)}</span>
      </td>
      <td class="modality" title={study.modalities.join(", ")}>
        {study.modalities.map((modality) => (
          <span class="badge" key={modality}>{modality}</span>
        ))}
      </td>
      <td class="description" title={study.description}>{study.description}</td>
      <td class="accession" title={study.accession}>{study.accession}</td>
      <td class="count" title={contents}>
        <span aria-hidden="true">
          {grouped(study.instanceCount)} <span class="secondary">/ {study.seriesCount}</span>
        </span>
        <span class="visually-hidden">{contents}</span>
      </td>
    </tr>
  );
}

function EmptyArchive() {
  return (
    <div class="empty">
      <Mark />
      <h2>No studies yet</h2>
      <p>They appear here by themselves as soon as they arrive. Three ways to bring one in:</p>
      <dl>
        <dt>From a modality or another archive</dt>
        <dd>send it to this node's AE title and DICOM port</dd>
        <dt>From the command line</dt>
        <dd><code>isocenter send PATH AET@HOST:PORT</code></dd>
        <dt>From a folder, ZIP or DICOMDIR</dt>
        <dd><code>isocenter import PATH</code></dd>
      </dl>
    </div>
  );
}

function Nothing({ search }: { search: StudySearch }) {
  if (search.error.value) {
    return (
      <div class="empty" role="alert">
        <Icon name="warning" />
        <h2>{search.error.value}</h2>
        <button type="button" class="button" onClick={() => void search.search()}>Try again</button>
      </div>
    );
  }
  if (!search.answer.value) return null;
  if (!search.isFiltered) return <EmptyArchive />;
  return (
    <div class="empty">
      <Icon name="search" />
      <h2>No study matches</h2>
      <p>
        A name is found by the beginnings of its words, everything else by any part of it. <code>*</code> stands for
        any letters, <code>?</code> for one.
      </p>
      <button type="button" class="button" onClick={() => search.clear()}>Clear the search</button>
    </div>
  );
}

function Pager({ search }: { search: StudySearch }) {
  const { page } = search.query.value;
  const total = search.answer.value?.total ?? 0;
  const shown = search.answered.value.page; // what is asked for may be another one by now
  const first = total === 0 ? 0 : (shown - 1) * PAGE_SIZE + 1;
  const last = Math.min(shown * PAGE_SIZE, total);
  const go = (name: "first" | "back" | "forward" | "last", label: string, to: number) => (
    <button
      type="button"
      class="icon-button"
      aria-label={label}
      title={label}
      disabled={to < 1 || to > search.pages || to === page}
      onClick={() => search.goToPage(to)}
    >
      <Icon name={name} />
    </button>
  );
  return (
    <nav class="pager" aria-label="Pages">
      {go("first", "First page", 1)}
      {go("back", "Previous page", page - 1)}
      <span class="pager-text" aria-live="polite">
        {search.answer.value && `${grouped(first)} – ${grouped(last)} of ${grouped(total)}`}
      </span>
      {go("forward", "Next page", page + 1)}
      {go("last", "Last page", search.pages)}
    </nav>
  );
}

const LIVE_TEXT = { connecting: "Connecting", live: "Live", lost: "Reconnecting" } as const;

function ListHeader({ search }: { search: StudySearch }) {
  const live = search.live.value;
  return (
    <header class="list-header">
      <h1 class="brand"><Mark /> Isocenter</h1>
      <span class={`live ${live}`} title="New studies appear by themselves" role="status">
        <span class="dot" aria-hidden="true" /> {LIVE_TEXT[live]}
      </span>
      <span class="spacer" />
      <Pager search={search} />
    </header>
  );
}

/** The list's rows: their focus, the place they are scrolled to, and the way out to a study and back. */
function useRows(search: StudySearch) {
  const table = useRef<HTMLElement>(null);
  const body = useRef<HTMLTableSectionElement>(null);
  const focused = useSignal<string | null>(null);
  const rows = () => [...(body.current?.rows ?? [])];
  const focusRow = (index: number) => {
    const all = rows();
    all[Math.min(Math.max(index, 0), all.length - 1)]?.focus();
  };
  const place = () => ({ top: table.current?.scrollTop ?? 0, study: focused.peek() });
  const open = (study: string) => {
    // What has been typed belongs to the search that one comes back to, searched for or not.
    replaceAddress(listAddress(search.query.peek()));
    notePlace({ ...place(), study });
    navigate(viewerAddress([study]));
  };
  return { table, body, focused, rows, focusRow, place, open };
}

type Rows = ReturnType<typeof useRows>;

/** Moves the focus from row to row, and opens and pages, by keyboard; nothing need have the focus to begin with. */
function useRowKeys(search: StudySearch, { rows, focusRow, focused, open }: Rows) {
  const awaited = useRef(false);
  const goToPage = (step: 1 | -1) => {
    awaited.current = search.goToPage(search.query.value.page + step);
  };
  useLayoutEffect(() => {
    if (awaited.current) focusRow(0);
    awaited.current = false;
  }, [search.answer.value]);
  /** Go to the first row, of what has been typed: Enter must not open a study of the search before. */
  const enter = () => {
    if (!search.isPending) return focusRow(0);
    awaited.current = true;
    search.submit();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey) return;
    const at = rows().findIndex((row) => row === document.activeElement);
    const moves: Record<string, () => void> = {
      ArrowDown: () => focusRow(at + 1),
      ArrowUp: () => (at > 0 ? focusRow(at - 1) : undefined),
      Home: () => focusRow(0),
      End: () => focusRow(Infinity),
      PageDown: () => goToPage(1),
      PageUp: () => goToPage(-1),
    };
    if (at >= 0) moves["Enter"] = () => focused.value && open(focused.value);
    else if (document.activeElement !== document.body) return;
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };
  useEffect(() => {
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, [search]);
  return enter;
}

/** Comes back to the place that the list was left at, and begins another list at its top. */
function usePlace(search: StudySearch, { table, rows, place }: Rows): () => void {
  const shown = useRef<string | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  useLayoutEffect(() => {
    if (!search.answer.value || !table.current) return;
    const last = shown.current;
    shown.current = listAddress(search.query.peek());
    if (last === shown.current) return;
    const noted = last === null ? notedPlace() : null;
    table.current.scrollTop = noted?.top ?? 0;
    if (noted?.study) rows().find((row) => row.dataset["uid"] === noted.study)?.focus();
  }, [search.answer.value]);
  // No effect that waits for a paint: it ends as late, when another list may be there already.
  useLayoutEffect(() => () => clearTimeout(timer.current), []);
  return () => {
    // A list that is gone may yet be told that it was scrolled; the place is then another's.
    if (!table.current) return;
    clearTimeout(timer.current);
    timer.current = setTimeout(() => table.current && notePlace(place()), REST);
  };
}

export function StudyList({ query }: { query: StudyQuery }) {
  const search = useMemo(() => new StudySearch((asked) => replaceAddress(listAddress(asked))), []);
  // Ended at once: what has just been typed must not become the address of the study that is opened.
  useLayoutEffect(() => search.start(query), [search]);
  useEffect(() => {
    document.title = "Isocenter";
  }, []);
  const rows = useRows(search);
  const { table, body, focused, open } = rows;
  const onScroll = usePlace(search, rows);
  const enter = useRowKeys(search, rows);
  const studies = search.answer.value?.studies ?? [];
  const focusable = studies.some(({ uid }) => uid === focused.value) ? focused.value : studies[0]?.uid;
  return (
    <div class="list-page">
      <ListHeader search={search} />
      <SearchForm search={search} onLeave={enter} />
      <main
        ref={table}
        class={`study-table ${search.loading.value ? "is-loading" : ""}`}
        aria-busy={search.loading.value}
        onScroll={onScroll}
      >
        <table aria-label="Studies">
          <thead>
            <tr>{COLUMNS.map((column) => <HeaderCell key={column.key} column={column} search={search} />)}</tr>
          </thead>
          <tbody ref={body}>
            {studies.map((study) => (
              <StudyRow
                key={study.uid}
                study={study}
                address={viewerAddress([study.uid], search.answered.value)}
                fresh={search.fresh.value.has(study.uid)}
                focusable={study.uid === focusable}
                onFocus={() => {
                  focused.value = study.uid;
                }}
                onOpen={() => open(study.uid)}
              />
            ))}
          </tbody>
        </table>
        {studies.length === 0 && <Nothing search={search} />}
      </main>
      {studies.length > 0 && search.error.value && (
        <p class="notice" role="alert"><Icon name="warning" /> {search.error.value}. The list shows what was known before.</p>
      )}
    </div>
  );
}
