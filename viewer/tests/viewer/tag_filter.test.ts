import { expect, test } from "vitest";
import type { TagRow } from "../../src/api/model";
import { filterTags } from "../../src/viewer/tag_filter";

function row(tag: string, keyword: string, value: string, level = 0): TagRow {
  return { tag, keyword, name: keyword, vr: "LO", vm: 1, value, level, length: null };
}

const ROWS = [
  row("(0008,0060)", "Modality", "CT"),
  row("(0008,1140)", "ReferencedImageSequence", "1 item"),
  row("(0008,1155)", "ReferencedSOPInstanceUID", "1.2.3", 1),
  row("(0010,0010)", "PatientName", "DOE^JANE"),
];

const found = (filter: string) => filterTags(ROWS, filter).map(({ row: r, matched }) => `${r.keyword}${matched ? "" : "?"}`);

test("every word must be somewhere in the row", () => {
  expect(found("patient jane")).toEqual(["PatientName"]);
  expect(found("patient john")).toEqual([]);
});

test("a tag is found with and without its punctuation", () => {
  expect(found("00080060")).toEqual(["Modality"]);
  expect(found("(0008,0060")).toEqual(["Modality"]);
});

test("what matches inside a sequence brings the sequence along", () => {
  expect(found("1.2.3")).toEqual(["ReferencedImageSequence?", "ReferencedSOPInstanceUID"]);
});

test("no filter keeps every row", () => {
  expect(found("  ")).toHaveLength(4);
});
