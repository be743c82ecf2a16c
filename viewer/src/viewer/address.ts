/** What the page's address asks for. */

import type { StudyQuery, StudySortKey } from "../api/model";

export type Route =
  | { readonly kind: "list"; readonly query: StudyQuery }
  | { readonly kind: "viewer"; readonly studies: readonly string[]; readonly series: string | null };

export const SORT_KEYS: readonly StudySortKey[] = [
  "patientName", "patientId", "studyDate", "description", "accession", "modality", "instanceCount",
];

export const EMPTY_QUERY: StudyQuery = {
  patientName: "",
  patientId: "",
  dateFrom: "",
  dateTo: "",
  modality: "",
  accession: "",
  description: "",
  sort: "studyDate",
  descending: true,
  page: 1,
};

export const FILTERS = [
  "patientName", "patientId", "dateFrom", "dateTo", "modality", "accession", "description",
] as const;

function studyUids(parameters: URLSearchParams): string[] {
  const uids = parameters.getAll("StudyInstanceUIDs").flatMap((value) => value.split(","));
  return [...new Set(uids.map((uid) => uid.trim()).filter(Boolean))];
}

function parseQuery(parameters: URLSearchParams): StudyQuery {
  const query = { ...EMPTY_QUERY };
  for (const name of FILTERS) query[name] = parameters.get(name) ?? "";
  const sort = parameters.get("sort") ?? "-studyDate";
  const key = SORT_KEYS.find((name) => name === sort.replace(/^-/, ""));
  if (key) Object.assign(query, { sort: key, descending: sort.startsWith("-") });
  query.page = Math.max(1, Math.trunc(Number(parameters.get("page"))) || 1);
  return query;
}

/** What to show at a path and query string. */
export function parseRoute(path: string, search: string): Route {
  const parameters = new URLSearchParams(search);
  if (!path.startsWith("/viewer")) return { kind: "list", query: parseQuery(parameters) };
  return {
    kind: "viewer",
    studies: studyUids(parameters),
    series: parameters.get("SeriesInstanceUID"),
  };
}

/** The address at which the study list answers this query; defaults stay unsaid. */
export function listAddress(query: StudyQuery): string {
  const parameters = new URLSearchParams();
  for (const name of FILTERS) {
    if (query[name].trim() !== "") parameters.set(name, query[name].trim());
  }
  const sort = `${query.descending ? "-" : ""}${query.sort}`;
  if (sort !== "-studyDate") parameters.set("sort", sort);
  if (query.page > 1) parameters.set("page", String(query.page));
  return parameters.size > 0 ? `/?${parameters}` : "/";
}

/**
 * The address at which studies are open in the viewer.
 *
 * @param from the search that they were found by, for the way back from a tab of their own.
 */
export function viewerAddress(studies: readonly string[], from: StudyQuery = EMPTY_QUERY): string {
  const list = listAddress(from).slice(1);
  const origin = list ? `#from=${encodeURIComponent(list)}` : "";
  return `/viewer?StudyInstanceUIDs=${studies.map(encodeURIComponent).join(",")}${origin}`;
}

/** The address of the list that a study was found in, as its own address says; null where it does not. */
export function originIn(hash: string): string | null {
  const list = new URLSearchParams(hash.slice(1)).get("from");
  return list === null ? null : listAddress(parseQuery(new URLSearchParams(list)));
}
