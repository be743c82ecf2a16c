import { signal } from "@preact/signals";
import { originIn, parseRoute, type Route } from "../viewer/address";

/** Where in the study list a reader was. */
export interface ListPlace {
  /** How far the list was scrolled, in CSS pixels. */
  readonly top: number;
  /** Study Instance UID of the row that had the focus. */
  readonly study: string | null;
}

/** What the browser keeps with an entry of its history. */
interface Kept {
  /** With a study: the address of the list it was opened from, which is the entry before it. */
  readonly list?: string;
  /** Whether that list is not the entry before it, but in another tab. */
  readonly elsewhere?: boolean;
  /** With the list: where in it the reader was. */
  readonly place?: ListPlace;
}

let visits = 0;

/** @returns what is asked for; `visit` tells two visits of the same address apart. */
function current(): Route & { readonly visit: number } {
  noteOrigin();
  return { ...parseRoute(location.pathname, location.search), visit: visits++ };
}

function kept(): Kept {
  return (history.state as Kept | null) ?? {};
}

/** Keep with the entry where a study in a tab of its own was found: its address is to name the study alone. */
function noteOrigin(): void {
  const list = originIn(location.hash);
  if (list === null) return;
  const state: Kept = { ...kept(), list, elsewhere: true };
  history.replaceState(state, "", location.pathname + location.search);
}

/** What the address asks for, now. */
export const route = signal(current());

addEventListener("popstate", () => {
  route.value = current();
});

/** Go to an address of this page, as a link would. */
export function navigate(address: string): void {
  const leaving = parseRoute(location.pathname, location.search).kind;
  const state: Kept = leaving === "list" ? { list: location.pathname + location.search } : {};
  history.pushState(state, "", address);
  route.value = current();
}

/** Note in the address what is shown, without going anywhere. */
export function replaceAddress(address: string): void {
  history.replaceState(null, "", address);
}

/** The place in the list that was noted when this entry of the history was left. */
export function notedPlace(): ListPlace | null {
  return kept().place ?? null;
}

/** Note where in the list the reader is, for the way back. */
export function notePlace(place: ListPlace): void {
  const state: Kept = { ...kept(), place };
  history.replaceState(state, "", location.href);
}

/** The list that the open study was found in. */
export function listBehind(): string {
  return kept().list ?? "/";
}

/** Go back to that list as the browser's Back does; where it is not behind the study, go there. */
export function returnToList(): void {
  const { list, elsewhere } = kept();
  if (list !== undefined && !elsewhere) history.back();
  else navigate(listBehind());
}

/** Follow a plain click within the page; leave new tabs and windows to the browser. */
export function followLink(event: MouseEvent, go: () => void): void {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  go();
}
