/** Keeps what is open as the archive has it: what arrives appears, what is deleted goes. */

import { effect } from "@preact/signals";
import { ChangeFeed } from "../api/change_feed";
import type { Workspace } from "./workspace";

/** While objects arrive, the open studies are asked for again at most this often, in milliseconds. */
const REFRESH = 1000;

/** Follow the archive once the first image is there; @returns what ends it. */
export function followArchive(workspace: Workspace): () => void {
  let touched = new Set<string>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let refreshing: Promise<void> = Promise.resolve();
  const refresh = async (studies: ReadonlySet<string>) => {
    for (const { study } of workspace.studies.peek()) await workspace.refresh(study.uid, studies.has(study.uid));
  };
  const refreshSoon = () => {
    timer ??= setTimeout(() => {
      const studies = touched;
      touched = new Set();
      timer = undefined;
      refreshing = refreshing.then(() => refresh(studies));
    }, REFRESH);
  };
  const changed = (study: string | null) => {
    if (study !== null) {
      if (!workspace.studies.peek().some((contents) => contents.study.uid === study)) return;
      touched.add(study);
    }
    refreshSoon();
  };
  // It was asked for before this: what came in between has not been told.
  const feed = new ChangeFeed({ changed }, true);
  const end = effect(() => (workspace.settledIn.value ? feed.start() : undefined));
  return () => {
    end();
    clearTimeout(timer);
  };
}
