import { signal } from "@preact/signals";
import { parseRoute } from "../viewer/address";

function current() {
  return parseRoute(location.pathname, location.search);
}

/** What the address asks for, now. */
export const route = signal(current());

addEventListener("popstate", () => {
  route.value = current();
});

/** Go to an address of this page, as a link would. */
export function navigate(address: string): void {
  history.pushState(null, "", address);
  route.value = current();
}

/** Note in the address what is shown, without going anywhere. */
export function replaceAddress(address: string): void {
  history.replaceState(null, "", address);
}

/** Follow a plain click within the page; leave new tabs and windows to the browser. */
export function followLink(event: MouseEvent, address: string): void {
  if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(address);
}
