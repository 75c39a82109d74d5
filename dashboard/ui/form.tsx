// One dialog for every act that asks for something, and for confirming what destroys. The browser's
// own dialog keeps the focus inside and gives it back.

import type { VNode } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { asRefused, type Refused } from "../data/api.ts";
import { Cell, useCell } from "../data/cell.ts";
import { href } from "../router.ts";

export type Values = Readonly<Record<string, string>>;

export interface Field {
  readonly name: string;
  readonly label: string;
  readonly kind?: "text" | "area" | "select" | "number";
  readonly options?: readonly (readonly [value: string, label: string])[];
  /** Offered while typing. */
  readonly suggest?: readonly string[];
  readonly value?: string;
  readonly required?: boolean;
  readonly hint?: string;
  readonly placeholder?: string;
}

export interface Form {
  readonly title: string;
  readonly intro?: string;
  readonly fields?: readonly Field[];
  readonly submit: string;
  readonly danger?: boolean;
  /** Does it; a refusal it throws is shown in the dialog. */
  run(values: Values): Promise<void>;
}

const open = new Cell<Form | null>(null);

export function ask(form: Form): void {
  open.set(form);
}

export function dialogOpen(): boolean {
  return document.querySelector("dialog[open]") !== null;
}

export function Dialogs(): VNode | null {
  const form = useCell(open);
  return form === null ? null : <FormDialog key={form.title} form={form} />;
}

function initial(form: Form): Values {
  return Object.fromEntries(
    (form.fields ?? []).map(({ name, value, kind, options }) => [
      name,
      value ?? (kind === "select" ? options?.[0]?.[0] ?? "" : ""),
    ]),
  );
}

function FormDialog({ form }: { form: Form }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [values, setValues] = useState<Values>(() => initial(form));
  const [refused, setRefused] = useState<Refused | null>(null);
  const [busy, setBusy] = useState(false);
  // Before anything else is typed: the next key belongs to the dialog already.
  useLayoutEffect(() => {
    dialog.current?.showModal();
  }, []);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    setRefused(null);
    try {
      await form.run(values);
      dialog.current?.close();
    } catch (thrown) {
      setRefused(asRefused(thrown));
      setBusy(false);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="dialog"
      aria-labelledby="dialog-title"
      // The browser tells of it a moment later: another one may be open by then.
      onClose={() => open.value === form && open.set(null)}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <form onSubmit={submit}>
        <h2 id="dialog-title">{form.title}</h2>
        {form.intro !== undefined && <p class="intro">{form.intro}</p>}
        {(form.fields ?? []).map((field) => (
          <FieldRow
            key={field.name}
            field={field}
            value={values[field.name] ?? ""}
            fault={refused?.field === field.name ? refused.message : null}
            onInput={(value) => setValues({ ...values, [field.name]: value })}
          />
        ))}
        {refused !== null && <Refusal refused={refused} />}
        <footer>
          <button type="button" onClick={() => dialog.current?.close()}>Cancel</button>
          <button type="submit" class={form.danger === true ? "danger" : "primary"} disabled={busy}>
            {form.submit}
          </button>
        </footer>
      </form>
    </dialog>
  );
}

/** Where to look for what was not found: hints name operations, the page has views. */
const LISTS: Readonly<Record<string, readonly [path: string, label: string]>> = {
  UNKNOWN_TASK: ["tasks", "All tasks"],
  UNKNOWN_PEER: ["peers", "All peers"],
  UNKNOWN_RUN: ["runs", "All runs"],
  UNKNOWN_MESSAGE: ["messages", "All messages"],
};

/** What was refused, and what to do about it. */
export function Refusal({ refused, inView = false }: {
  refused: Refused;
  /** It stands in place of what was to be shown. */
  inView?: boolean;
}): VNode {
  const list = inView ? LISTS[refused.code] : undefined;
  return (
    <div class="refusal" role="alert">
      <strong>{refused.message}</strong>
      {refused.hint !== "" && list === undefined && <p>{refused.hint}</p>}
      {list !== undefined && (
        <p>
          <a href={href([list[0]])}>{list[1]}</a>
        </p>
      )}
      <code>{refused.code}</code>
    </div>
  );
}

interface FieldProps {
  readonly field: Field;
  readonly value: string;
  readonly fault: string | null;
  onInput(value: string): void;
}

function FieldRow({ field, value, fault, onInput }: FieldProps): VNode {
  const id = `field-${field.name}`;
  const shared = {
    id,
    name: field.name,
    required: field.required === true,
    "aria-invalid": fault === null ? undefined : ("true" as const),
    "aria-describedby": field.hint === undefined ? undefined : `${id}-hint`,
    placeholder: field.placeholder,
    autocomplete: "off",
  };
  return (
    <div class="field">
      <label for={id}>{field.label}</label>
      {field.kind === "area"
        ? (
          <textarea
            {...shared}
            rows={4}
            value={value}
            onInput={(e) => onInput(e.currentTarget.value)}
          />
        )
        : field.kind === "select"
        ? (
          <select {...shared} value={value} onChange={(e) => onInput(e.currentTarget.value)}>
            {(field.options ?? []).map(([key, label]) => (
              <option key={key} value={key}>{label}</option>
            ))}
          </select>
        )
        : (
          <input
            {...shared}
            type={field.kind === "number" ? "number" : "text"}
            list={field.suggest === undefined ? undefined : `${id}-list`}
            value={value}
            onInput={(e) => onInput(e.currentTarget.value)}
          />
        )}
      {field.suggest !== undefined && (
        <datalist id={`${id}-list`}>
          {field.suggest.map((one) => <option key={one} value={one} />)}
        </datalist>
      )}
      {field.hint !== undefined && <p class="hint" id={`${id}-hint`}>{field.hint}</p>}
    </div>
  );
}
