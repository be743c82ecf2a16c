import type { TagRow } from "../api/model";

/** A row to show; rows that did not match are there because something inside them did. */
export interface FoundTag {
  readonly row: TagRow;
  readonly matched: boolean;
}

function searchText({ tag, keyword, name, vr, value }: TagRow): string {
  const digits = tag.replace(/[(),]/g, "");
  return `${tag} ${digits} ${keyword} ${name} ${vr} ${value}`.toLowerCase();
}

/**
 * Rows that contain every word of the filter, in tag, keyword, name, VR or value, and the sequences
 * that they stand in.
 */
export function filterTags(rows: readonly TagRow[], filter: string): FoundTag[] {
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) return rows.map((row) => ({ row, matched: true }));
  const kept: FoundTag[] = [];
  // From the end, so that a match is known before the sequence above it is reached.
  let above = 0;
  for (const row of rows.toReversed()) {
    const text = searchText(row);
    const matched = words.every((word) => text.includes(word));
    if (!matched && row.level >= above) continue;
    kept.push({ row, matched });
    above = row.level;
  }
  return kept.reverse();
}
