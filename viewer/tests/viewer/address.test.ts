import { expect, test } from "vitest";
import { EMPTY_QUERY, listAddress, originIn, parseRoute, viewerAddress } from "../../src/viewer/address";

test("study UIDs may be repeated, and separated by commas", () => {
  expect(parseRoute("/viewer", "?StudyInstanceUIDs=1.2,3.4&StudyInstanceUIDs=5.6&SeriesInstanceUID=7")).toEqual({
    kind: "viewer", studies: ["1.2", "3.4", "5.6"], series: "7",
  });
});

test("the list's address says what is searched for, and nothing else", () => {
  expect(listAddress(EMPTY_QUERY)).toBe("/");
  const query = { ...EMPTY_QUERY, patientName: "Müller", sort: "patientName" as const, descending: false, page: 3 };
  const address = listAddress(query);
  expect(address).toBe("/?patientName=M%C3%BCller&sort=patientName&page=3");
  expect(parseRoute("/", address.slice(1))).toEqual({ kind: "list", query });
});

test("nonsense in an address is taken for its default", () => {
  expect(parseRoute("/", "?sort=-colour&page=-4")).toEqual({ kind: "list", query: EMPTY_QUERY });
});

test("a study's address opens it", () => {
  const address = viewerAddress(["1.2.3"]);
  expect(parseRoute("/viewer", address.slice(7))).toMatchObject({ studies: ["1.2.3"] });
});

test("a study's address may say which list it was found in, and nothing but a list", () => {
  const query = { ...EMPTY_QUERY, patientName: "Müller & Söhne", page: 2 };
  const { hash, search } = new URL(viewerAddress(["1.2.3"], query), "http://localhost");
  expect(originIn(hash)).toBe(listAddress(query));
  expect(search).toBe("?StudyInstanceUIDs=1.2.3");
  expect(originIn(new URL(viewerAddress(["1.2.3"], EMPTY_QUERY), "http://localhost").hash)).toBeNull();
  expect(originIn("")).toBeNull();
  expect(originIn("#from=//example.org/%3FpatientName=x")).toMatch(/^\/(\?|$)/);
});
