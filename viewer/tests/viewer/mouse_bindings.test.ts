import { beforeEach, expect, test, vi } from "vitest";
import { Workspace } from "../../src/viewer/workspace";

const AS_DELIVERED = { left: "window", middle: "pan", right: "zoom", wheel: "scroll" };
const MINE = { left: "scroll", middle: "zoom", right: "window", wheel: "zoom" };

/** A browser that keeps texts; `kept` is what it has. */
class Browser extends EventTarget {
  readonly kept = new Map<string, string>();
  readonly localStorage = {
    getItem: (key: string) => this.kept.get(key) ?? null,
    setItem: (key: string, text: string) => void this.kept.set(key, text),
  };

  hear(key: string | null): void {
    this.dispatchEvent(Object.assign(new Event("storage"), { key }));
  }
}

/** A browser whose user forbids pages to keep anything: to ask for the storage is an error. */
class ForgetfulBrowser extends EventTarget {
  get localStorage(): never {
    throw new DOMException("denied", "SecurityError");
  }
}

/** The module as a page that has just been loaded has it. */
async function loaded(browser: EventTarget) {
  vi.stubGlobal("window", browser);
  vi.resetModules();
  return import("../../src/viewer/mouse_bindings");
}

let browser: Browser;
let key: string;
beforeEach(async () => {
  browser = new Browser();
  const { bindMouse } = await loaded(browser);
  bindMouse(new Workspace(), MINE as never);
  [key = ""] = browser.kept.keys();
  return () => vi.unstubAllGlobals();
});

test("what was chosen is there in the next page, which begins with the chosen tool", async () => {
  const { followMouseBindings, mouseBindings } = await loaded(browser);
  const workspace = new Workspace();
  followMouseBindings(workspace);
  expect(mouseBindings.value).toEqual(MINE);
  expect(workspace.tool.value).toBe("scroll");
});

test.each([
  "", "{", "null", "3", "[]", "{}",
  JSON.stringify(MINE),
  JSON.stringify({ version: 2, ...MINE }),
  JSON.stringify({ version: 1, ...MINE, right: "measure" }),
  JSON.stringify({ version: 1, ...MINE, wheel: "pan" }),
  JSON.stringify({ version: 1, left: "pan" }),
  JSON.stringify({ version: 1, ...MINE, middle: ["zoom"] }),
])("what is kept and cannot be understood is as good as nothing: %s", async (text) => {
  browser.kept.set(key, text);
  const { followMouseBindings, mouseBindings } = await loaded(browser);
  const workspace = new Workspace();
  followMouseBindings(workspace);
  expect(mouseBindings.value).toEqual(AS_DELIVERED);
  expect(workspace.tool.value).toBe("window");
});

test("where nothing may be kept, a choice holds until the page is left", async () => {
  const { bindMouse, followMouseBindings, mouseBindings } = await loaded(new ForgetfulBrowser());
  const end = followMouseBindings(new Workspace());
  expect(mouseBindings.value).toEqual(AS_DELIVERED);
  bindMouse(new Workspace(), { right: "pan" });
  end();
  followMouseBindings(new Workspace()); // another study in the same page
  expect(mouseBindings.value).toEqual({ ...AS_DELIVERED, right: "pan" });
});

test("another tab's choice is taken up, and the tool in the reader's hand stays", async () => {
  browser.kept.clear();
  const { followMouseBindings, mouseBindings } = await loaded(browser);
  const workspace = new Workspace();
  const end = followMouseBindings(workspace);
  workspace.chooseTool("pan");
  browser.kept.set(key, JSON.stringify({ version: 1, ...MINE }));
  browser.hear("another.key");
  expect(mouseBindings.value).toEqual(AS_DELIVERED);
  browser.hear(key);
  expect(mouseBindings.value).toEqual(MINE);
  expect(workspace.tool.value).toBe("pan");
  browser.kept.clear();
  browser.hear(null);
  expect(mouseBindings.value).toEqual(AS_DELIVERED);
  end();
  browser.kept.set(key, JSON.stringify({ version: 1, ...MINE }));
  browser.hear(key);
  expect(mouseBindings.value).toEqual(AS_DELIVERED);
});

test("only a new choice for the left button changes the tool, and one finger keeps its own", async () => {
  const { bindMouse } = await loaded(browser);
  const workspace = new Workspace();
  workspace.tool.value = "zoom";
  bindMouse(workspace, { right: "pan" });
  expect(workspace.tool.value).toBe("zoom");
  bindMouse(workspace, { left: "pan" });
  expect(workspace.tool.value).toBe("pan");
  expect(workspace.touchTool.value).toBe("scroll");
});

test("with and without Ctrl the wheel reaches the next image", async () => {
  const { turnOf } = await loaded(browser);
  expect([turnOf("scroll", false), turnOf("scroll", true)]).toEqual(["scroll", "scroll-fast"]);
  expect([turnOf("zoom", false), turnOf("zoom", true)]).toEqual(["zoom", "scroll"]);
});
