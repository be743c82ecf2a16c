import { useEffect, useRef } from "preact/hooks";
import { COMMANDS, type CommandGroup, keyLabel } from "../viewer/commands";
import type { Workspace } from "../viewer/workspace";
import { Icon } from "./icons";
import { MouseSection } from "./MouseSection";

const TOUCH = [
  ["One finger", "scroll, or the chosen tool"],
  ["Two fingers", "zoom and pan"],
  ["Three fingers", "scroll"],
  ["Pinch on a touch pad", "zoom"],
  ["Tap a series", "show it"],
] as const;

function Pairs({ title, pairs }: { title: string; pairs: readonly (readonly [string, string])[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl>
        {pairs.map(([what, does]) => (
          <div key={what}>
            <dt>{what}</dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

function Keys({ group }: { group: CommandGroup }) {
  const commands = COMMANDS.filter((command) => command.group === group && !/^preset-[2-9]/.test(command.id));
  return (
    <section>
      <h3>{group}</h3>
      <dl>
        {commands.map(({ id, label, keys }) => (
          <div key={id}>
            <dt>
              {id === "preset-1" ? (
                <><kbd>1</kbd> – <kbd>9</kbd></>
              ) : (
                keys.map((key) => <kbd key={key}>{keyLabel(key)}</kbd>)
              )}
            </dt>
            <dd>{id === "preset-1" ? "Window preset, the object's own first" : label}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

export function HelpDialog({ workspace }: { workspace: Workspace }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    dialog.current?.showModal();
    return () => before?.focus({ preventScroll: true });
  }, []);
  const close = () => {
    workspace.help.value = false;
  };
  return (
    <dialog
      ref={dialog}
      class="help"
      aria-label="Keys and mouse"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <header>
        <h2>Keys and mouse</h2>
        <button type="button" class="icon-button" aria-label="Close" title="Close (Esc)" onClick={close}>
          <Icon name="close" />
        </button>
      </header>
      <div class="help-columns">
        <Keys group="Images" />
        <Keys group="Tools" />
        <Keys group="Window" />
        <Keys group="View" />
        <Keys group="Page" />
        <MouseSection workspace={workspace} />
        <Pairs title="Touch" pairs={TOUCH} />
      </div>
    </dialog>
  );
}
