import type { ComponentChildren } from "preact";
import { commandNamed } from "../viewer/commands";
import {
  bindMouse,
  CHOICES,
  DEFAULT_BINDINGS,
  mouseBindings,
  type MouseBindings,
  type Turn,
  turnOf,
} from "../viewer/mouse_bindings";
import type { Workspace } from "../viewer/workspace";

const TURNS: Record<Turn, string> = {
  scroll: "scroll",
  "scroll-fast": "scroll ten at a time",
  zoom: "zoom",
};

interface ChoiceProps {
  readonly workspace: Workspace;
  readonly name: keyof MouseBindings;
  readonly label: string;
  /** What else there is to say of it. */
  readonly children?: ComponentChildren;
}

function Choice({ workspace, name, label, children }: ChoiceProps) {
  const id = `mouse-${name}`;
  return (
    <div>
      <dt><label for={id}>{label}</label></dt>
      <dd>
        <select
          id={id}
          value={mouseBindings.value[name]}
          onChange={({ currentTarget }) => bindMouse(workspace, { [name]: currentTarget.value })}
        >
          {CHOICES[name].map((tool) => (
            <option key={tool} value={tool}>{commandNamed(`tool-${tool}`).label}</option>
          ))}
        </select>
        {children}
      </dd>
    </div>
  );
}

/** What the mouse does, to be read and to be chosen. */
export function MouseSection({ workspace }: { workspace: Workspace }) {
  return (
    <section class="mouse" aria-label="Mouse">
      <h3>Mouse</h3>
      <dl>
        <Choice workspace={workspace} name="left" label="Left drag">
          <p>at first, then the bar's tool</p>
        </Choice>
        <Choice workspace={workspace} name="middle" label="Middle drag" />
        <Choice workspace={workspace} name="right" label="Right drag" />
        <Choice workspace={workspace} name="wheel" label="Wheel" />
        <div>
          <dt>Ctrl + wheel</dt>
          <dd>{TURNS[turnOf(mouseBindings.value.wheel, true)]}</dd>
        </div>
        <div>
          <dt>Double-click a viewport</dt>
          <dd>let it fill the page, and back</dd>
        </div>
        <div>
          <dt>Double-click or drag a series</dt>
          <dd>show it</dd>
        </div>
      </dl>
      <button type="button" class="button" onClick={() => bindMouse(workspace, DEFAULT_BINDINGS)}>
        Reset mouse to defaults
      </button>
    </section>
  );
}
