/** Keeps what is open as the archive has it: what arrives appears, what is deleted goes until it is back. */

import { effect } from "@preact/signals";
import { ChangeFeed } from "../api/change_feed";
import type { Workspace } from "./workspace";

/** While objects arrive, the open studies are asked for again at most this often, in milliseconds. */
const REFRESH = 1000;
/** To list a series costs the server more the longer it is: so many times as long as it took, nobody asks again. */
const REST = 4;
const LONGEST_REST = 10_000;
/** What could not be had is asked for again after so many milliseconds. */
const RETRY = 2000;

/** Follow the archive once the first image is there; @returns what ends it. */
export function followArchive(workspace: Workspace): () => void {
  /** UIDs of studies that are to be asked for, and whether each has only grown. */
  let touched = new Map<string, boolean>();
  let pause = REFRESH;
  /** Set from when a refresh is due until it is done: there are never two at once. */
  let timer: ReturnType<typeof setTimeout> | undefined;
  let ended = false;
  const touch = (study: string, onlyGrew: boolean) => {
    touched.set(study, onlyGrew && (touched.get(study) ?? true));
  };
  const refresh = async () => {
    const studies = touched;
    touched = new Map();
    const began = performance.now();
    for (const [study, onlyGrew] of studies) {
      if (!ended && !(await workspace.refresh(study, onlyGrew))) touch(study, onlyGrew);
    }
    const rest = Math.min(REST * (performance.now() - began), LONGEST_REST);
    pause = Math.max(touched.size > 0 ? RETRY : REFRESH, rest);
    timer = undefined;
    if (touched.size > 0) refreshSoon();
  };
  const refreshSoon = () => {
    if (!ended) timer ??= setTimeout(() => void refresh(), pause);
  };
  const changed = (study: string | null, onlyGrew: boolean) => {
    for (const uid of workspace.asked) if (study === null || uid === study) touch(uid, onlyGrew);
    if (touched.size > 0) refreshSoon();
  };
  // It was asked for before this: what came in between has not been told.
  const feed = new ChangeFeed({ changed }, true);
  const isOpen = () => workspace.settledIn.value && workspace.state.value.kind !== "loading";
  const end = effect(() => (isOpen() ? feed.start() : undefined));
  return () => {
    ended = true;
    end();
    clearTimeout(timer);
  };
}
