import type { ImageEntry, SeriesDisplay, StudyContents, StudyPage, StudyQuery, TagRow } from "./model";

/** Studies on one page of the list. */
export const PAGE_SIZE = 50;

/** An answer that was not a success; its message is the server's own sentence where it sent one. */
export class ServerError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Whether an error only says that a request was no longer wanted. */
export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === "AbortError";
}

async function serverSentence(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null) {
      const { detail, message, error } = body as Record<string, unknown>;
      const sentence = [detail, message, error].find((part) => typeof part === "string");
      if (typeof sentence === "string") return sentence;
    }
  } catch {
    // Not JSON: the status says what there is to say.
  }
  return `The server answered ${response.status} ${response.statusText}`.trim();
}

/**
 * Fetch, or throw what went wrong in words that can be shown.
 *
 * @throws ServerError where the server answered with anything but success, or could not be reached.
 */
export async function request(url: string, signal?: AbortSignal): Promise<Response> {
  const response = await fetch(url, signal ? { signal } : {}).catch((error: unknown) => {
    if (isAbort(error)) throw error;
    throw new ServerError(0, "The server cannot be reached");
  });
  if (!response.ok) throw new ServerError(response.status, await serverSentence(response));
  return response;
}

async function json<T>(url: string, signal?: AbortSignal): Promise<T> {
  const response = await request(url, signal);
  return response.json().catch((error: unknown) => {
    if (isAbort(error)) throw error;
    throw new ServerError(0, "The server's answer broke off");
  }) as Promise<T>;
}

/** Whether a text may be a UID, as far as the server looks at it (PS3.5 9.1). */
export function isUid(text: string): boolean {
  return /^[0-9.]{1,64}$/.test(text);
}

function studyUrl(study: string): string {
  return `/api/studies/${encodeURIComponent(study)}`;
}

function instanceUrl(study: string, series: string, instance: string): string {
  return `${studyUrl(study)}/series/${encodeURIComponent(series)}/instances/${encodeURIComponent(instance)}`;
}

/** The query string that asks the server for one page of the study list. */
export function studyListParameters(query: StudyQuery): URLSearchParams {
  const { patientName, patientId, dateFrom, dateTo, modality, accession, description } = query;
  const matches = { patientName, patientId, dateFrom, dateTo, modality, accession, description };
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(matches)) {
    if (value.trim() !== "") parameters.set(name, value.trim());
  }
  parameters.set("sort", `${query.descending ? "-" : ""}${query.sort}`);
  parameters.set("offset", String((query.page - 1) * PAGE_SIZE));
  parameters.set("limit", String(PAGE_SIZE));
  return parameters;
}

export function fetchStudies(query: StudyQuery, signal?: AbortSignal): Promise<StudyPage> {
  return json(`/api/studies?${studyListParameters(query)}`, signal);
}

/**
 * A study, with the display model of its first series where that is wanted.
 *
 * @throws ServerError where the archive does not have it, or the UID is none.
 */
export async function fetchStudy(
  study: string,
  withDisplay: boolean,
  signal?: AbortSignal,
): Promise<StudyContents> {
  if (!isUid(study)) throw new ServerError(400, `“${study}” is no Study Instance UID`);
  return json(`${studyUrl(study)}${withDisplay ? "?display=true" : ""}`, signal);
}

export async function fetchSeries(
  study: string,
  series: string,
  signal?: AbortSignal,
): Promise<SeriesDisplay> {
  if (!isUid(series)) throw new ServerError(400, `“${series}” is no Series Instance UID`);
  return json(`${studyUrl(study)}/series/${encodeURIComponent(series)}`, signal);
}

/** UID of the first object of a series, for series without images to list. */
export async function fetchFirstInstance(
  study: string,
  series: string,
  signal?: AbortSignal,
): Promise<string | null> {
  const path = `/dicomweb/studies/${encodeURIComponent(study)}/series/${encodeURIComponent(series)}`;
  const response = await request(`${path}/instances?limit=1`, signal);
  if (response.status === 204) return null;
  const [first] = (await response.json()) as Record<string, { Value?: string[] }>[];
  return first?.["00080018"]?.Value?.[0] ?? null;
}

export function fetchTags(
  study: string,
  series: string,
  instance: string,
  signal?: AbortSignal,
): Promise<TagRow[]> {
  return json(`${instanceUrl(study, series, instance)}/tags`, signal);
}

/** Where a video is as it is stored. */
export function videoUrl(study: string, series: string, instance: string): string {
  const parts = [study, "series", series, "instances", instance, "rendered"];
  return `/dicomweb/studies/${parts.map(encodeURIComponent).join("/")}`;
}

/** Where one frame's normalised pixels are, for as long as the instance is the one that is meant. */
export function frameUrl(
  study: string,
  series: string,
  { instance, frame, version }: ImageEntry,
  encoding: "raw" | "htj2k",
): string {
  const parameters = new URLSearchParams({ encoding, version });
  return `${instanceUrl(study, series, instance)}/frames/${frame}?${parameters}`;
}

/**
 * The raw frame that is shown first of a study or series, asked for before it is known which one
 * that is: `Content-Location` says so.
 *
 * The address is the one that the page's `Link` header has the browser ask for already.
 */
export function fetchFirstFrame(
  study: string,
  series: string | null,
  signal: AbortSignal,
): Promise<Response> {
  const parameters = series ? `?series=${encodeURIComponent(series)}` : "";
  return request(`${studyUrl(study)}/first-frame${parameters}`, signal);
}

/** Whether an error says that the archive does not have what was asked for. */
export function isNotThere(error: unknown): boolean {
  return error instanceof ServerError && error.status === 404;
}

/** Whether an error says that the instance has been replaced since its series was asked for. */
export function isReplaced(error: unknown): boolean {
  return error instanceof ServerError && error.status === 410;
}
