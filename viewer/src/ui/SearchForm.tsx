import { useEffect, useRef } from "preact/hooks";
import type { StudyQuery } from "../api/model";
import type { StudySearch } from "../list/study_search";
import { Icon } from "./icons";

/** Modalities (PS3.3 C.7.3.1.1.1) in the order in which they are looked for. */
const MODALITIES = [
  "CR", "CT", "DOC", "DX", "ECG", "ES", "IO", "IVOCT", "IVUS", "KO", "M3D", "MG", "MR", "NM", "OP", "OPT", "OT",
  "PR", "PT", "PX", "REG", "RF", "RG", "RTDOSE", "RTIMAGE", "RTPLAN", "RTRECORD", "RTSTRUCT", "RWV", "SC", "SEG",
  "SM", "SR", "US", "VL", "XA", "XC",
] as const;

type TextFilter = "patientName" | "patientId" | "accession" | "description";

interface TextFieldProps {
  readonly search: StudySearch;
  readonly name: TextFilter;
  readonly label: string;
}

function TextField({ search, name, label }: TextFieldProps) {
  return (
    <label class={`field ${name}`}>
      <span>{label}</span>
      <input
        type="search"
        name={name}
        autocomplete="off"
        spellcheck={false}
        value={search.query.value[name]}
        onInput={(event) => search.filter({ [name]: event.currentTarget.value })}
      />
    </label>
  );
}

/** DA to the value of a date input, and back. */
function dashed(date: string): string {
  return date.replace(/^(\d{4})(\d{2})(\d{2})$/, "$1-$2-$3");
}

function DateField({ search, name, label }: { search: StudySearch; name: "dateFrom" | "dateTo"; label: string }) {
  return (
    <label class={`field ${name}`}>
      <span>{label}</span>
      <input
        type="date"
        max="9999-12-31"
        name={name}
        value={dashed(search.query.value[name])}
        onInput={(event) => search.filter({ [name]: event.currentTarget.value.replaceAll("-", "") })}
      />
    </label>
  );
}

function ModalityField({ search }: { search: StudySearch }) {
  const { modality } = search.query.value;
  const listed = (MODALITIES as readonly string[]).includes(modality);
  return (
    <label class="field modality">
      <span>Modality</span>
      <select
        name="modality"
        value={modality}
        onChange={(event) => search.filter({ modality: event.currentTarget.value }, 0)}
      >
        <option value="">Any</option>
        {modality !== "" && !listed && <option value={modality}>{modality}</option>}
        {MODALITIES.map((name) => <option key={name} value={name}>{name}</option>)}
      </select>
    </label>
  );
}

/** Today and a number of days before, as a date range. */
export function lastDays(days: number, today = new Date()): Pick<StudyQuery, "dateFrom" | "dateTo"> {
  const from = new Date(today.getFullYear(), today.getMonth(), today.getDate() - days);
  const da = (date: Date) =>
    `${date.getFullYear()}${String(date.getMonth() + 1).padStart(2, "0")}${String(date.getDate()).padStart(2, "0")}`;
  return { dateFrom: da(from), dateTo: da(today) };
}

const PERIODS = [["Today", 0], ["7 days", 6], ["30 days", 29]] as const;

function Periods({ search }: { search: StudySearch }) {
  const { dateFrom, dateTo } = search.query.value;
  return (
    <div class="periods" role="group" aria-label="Study date">
      {PERIODS.map(([label, days]) => {
        const range = lastDays(days);
        const on = range.dateFrom === dateFrom && range.dateTo === dateTo;
        return (
          <button
            type="button"
            class="chip"
            key={label}
            aria-pressed={on}
            onClick={() => search.filter(on ? { dateFrom: "", dateTo: "" } : range, 0)}
          >
            {label}
          </button>
        );
      })}
    </div>
  );
}

/** The filters above the study list. @param onLeave moves the focus to the list. */
export function SearchForm({ search, onLeave }: { search: StudySearch; onLeave(): void }) {
  const form = useRef<HTMLFormElement>(null);
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      const typing = (event.target as Element).matches("input, select, textarea");
      if (event.key !== "/" || typing) return;
      event.preventDefault();
      form.current?.querySelector("input")?.focus();
    };
    document.addEventListener("keydown", onKeyDown);
    return () => document.removeEventListener("keydown", onKeyDown);
  }, []);
  const onKeyDown = (event: KeyboardEvent) => {
    const inText = (event.target as Element).matches("input[type=search]");
    if (event.key !== "ArrowDown" || !inText) return;
    event.preventDefault();
    onLeave();
  };
  return (
    <form
      ref={form}
      class="search-form"
      role="search"
      onKeyDown={onKeyDown}
      onSubmit={(event) => {
        event.preventDefault();
        search.submit();
      }}
    >
      <TextField search={search} name="patientName" label="Patient name" />
      <TextField search={search} name="patientId" label="Patient ID" />
      <DateField search={search} name="dateFrom" label="From" />
      <DateField search={search} name="dateTo" label="To" />
      <Periods search={search} />
      <ModalityField search={search} />
      <TextField search={search} name="description" label="Description" />
      <TextField search={search} name="accession" label="Accession" />
      <button
        type="button"
        class="icon-button clear"
        aria-label="Clear the search"
        title="Clear the search"
        disabled={!search.isFiltered}
        onClick={() => search.clear()}
      >
        <Icon name="close" />
      </button>
    </form>
  );
}
