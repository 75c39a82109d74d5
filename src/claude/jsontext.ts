// JSON that is the user's, changed in one place: only the text of the member in question is touched, so
// that layout, numbers, the order of keys and line ends stay as they are. What was changed can be taken
// back to the very same bytes for as long as nobody else has written.

import { applyEdits, type Edit, type Node, parseTree } from "jsonc-parser";

/** A JSON object. */
export type Json = Record<string, unknown>;
/** Names of members, from the outermost in. */
export type Path = readonly string[];
export type { Edit };

/** Why a text cannot be changed. */
export class UnfitJson extends Error {
  override readonly name = "UnfitJson";
}

/** What some files of editors begin with. */
const BOM = "\uFEFF";
const NEW = "{}\n";

/** Takes edits back, the last one first, as `JsonText.undo` lists them. */
export function undone(text: string, undo: readonly Edit[]): string {
  return undo.reduce((now, edit) => applyEdits(now, [edit]), text);
}

export class JsonText {
  #text: string;
  #root: Node;
  readonly #undo: Edit[] = [];
  readonly #unit: string;
  readonly #eol: string;
  /** All on one line. */
  readonly #flat: boolean;

  /**
   * Reads strict JSON; an empty text, or null for none, is an object without members.
   * @throws UnfitJson when it is no JSON object
   */
  constructor(text: string | null) {
    this.#text = text ?? "";
    if (this.#body.trim() === "") this.#text = this.#edited(this.#start, this.#body.length, NEW);
    // The library reads more than JSON; who else reads this file may not.
    const value = parsed(this.#body);
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new UnfitJson("it is no JSON object");
    }
    this.#root = this.#parsed();
    this.#unit = /\n([ \t]+)"/.exec(this.#text)?.[1] ?? "  ";
    this.#eol = this.#text.includes("\r\n") ? "\r\n" : "\n";
    this.#flat = !this.#body.trim().includes("\n") && this.#root.children?.length !== 0;
  }

  get text(): string {
    return this.#text;
  }

  /** What takes all changes back, in the order in which it has to be done. */
  get undo(): readonly Edit[] {
    return this.#undo;
  }

  value(): Json {
    return JSON.parse(this.#body) as Json;
  }

  /**
   * Gives a member this value, and makes the objects around it where there are none.
   * @throws UnfitJson when one of those is no object
   */
  put(path: Path, value: unknown): void {
    let at = this.#root;
    for (const [i, name] of path.entries()) {
      if (at.type !== "object") throw new UnfitJson(`${path[i - 1]} is no JSON object`);
      const found = memberOf(at, name)?.children?.[1];
      if (found === undefined) {
        const inner = path.slice(i + 1).reduceRight<unknown>((one, key) => ({ [key]: one }), value);
        this.#insert(at, inner, name);
        return;
      }
      at = found;
    }
    const same = JSON.stringify(JSON.parse(this.#of(at))) === JSON.stringify(value);
    if (!same) this.#edit(at.offset, at.length, this.#printed(value, this.#indentAt(at.offset)));
  }

  /**
   * Adds an element to a list that may have to be made.
   * @throws UnfitJson when it is no list
   */
  add(path: Path, value: unknown): void {
    const list = this.#at(path);
    if (list === null) this.put(path, [value]);
    else if (list.type !== "array") throw new UnfitJson(`${path.at(-1)} is no list`);
    else this.#insert(list, value);
  }

  /** Takes a member out, if it is there. */
  drop(path: Path): void {
    const parent = this.#at(path.slice(0, -1));
    if (parent?.type !== "object") return;
    const member = memberOf(parent, path.at(-1) ?? "");
    if (member !== undefined) this.#remove(parent, member);
  }

  /** Takes every element with this value out of a list. */
  dropFrom(path: Path, value: string): void {
    for (;;) {
      const list = this.#at(path);
      if (list?.type !== "array") return;
      const found = list.children?.find((one) => one.value === value);
      if (found === undefined) return;
      this.#remove(list, found);
    }
  }

  get #start(): number {
    return this.#text.startsWith(BOM) ? BOM.length : 0;
  }

  get #body(): string {
    return this.#text.slice(this.#start);
  }

  /** The tree, its offsets those of the whole text. */
  #parsed(): Node {
    const root = parseTree(" ".repeat(this.#start) + this.#body);
    if (root === undefined) throw new UnfitJson("it is no JSON object");
    return root;
  }

  #at(path: Path): Node | null {
    let at: Node | undefined = this.#root;
    for (const name of path) {
      at = at.type === "object" ? memberOf(at, name)?.children?.[1] : undefined;
      if (at === undefined) return null;
    }
    return at;
  }

  #of({ offset, length }: Node): string {
    return this.#text.slice(offset, offset + length);
  }

  #edited(offset: number, length: number, content: string): string {
    const was = this.#text.slice(offset, offset + length);
    this.#undo.unshift({ offset, length: content.length, content: was });
    return applyEdits(this.#text, [{ offset, length, content }]);
  }

  #edit(offset: number, length: number, content: string): void {
    this.#text = this.#edited(offset, length, content);
    this.#root = this.#parsed();
  }

  /** As the last one in a container, and laid out as those before it. */
  #insert(container: Node, value: unknown, name?: string): void {
    const colon = this.#spaced ? ": " : ":";
    const shown = (indent: string | null): string =>
      (name === undefined ? "" : JSON.stringify(name) + colon) + this.#printed(value, indent);
    const children = container.children ?? [];
    const [last, before] = [children.at(-1), children.at(-2)];
    const open = container.offset + 1;
    const within = container.length - 2;
    if (last !== undefined) {
      const between = this.#text.slice(before === undefined ? open : endOf(before), last.offset);
      const gap = between.slice(between.indexOf(",") + 1);
      const lines = gap.includes("\n");
      const alone = gap === "" && before === undefined && this.#spaced;
      const text = shown(lines ? gap.slice(gap.lastIndexOf("\n") + 1) : null);
      this.#edit(endOf(last), 0, `,${alone ? " " : gap}${text}`);
    } else if (this.#flat) this.#edit(open, within, shown(null));
    else {
      const base = this.#indentAt(container.offset);
      const [eol, inner] = [this.#eol, base + this.#unit];
      this.#edit(open, within, `${eol}${inner}${shown(inner)}${eol}${base}`);
    }
  }

  #remove(container: Node, child: Node): void {
    const children = container.children ?? [];
    const at = children.indexOf(child);
    const [before, after] = [children[at - 1], children[at + 1]];
    if (before !== undefined) this.#edit(endOf(before), endOf(child) - endOf(before), "");
    else if (after !== undefined) this.#edit(child.offset, after.offset - child.offset, "");
    else this.#edit(container.offset + 1, container.length - 2, "");
  }

  /** Whether there is a space behind colons. */
  get #spaced(): boolean {
    return !this.#flat || /": /.test(this.#text);
  }

  /** A value whose first line stands behind this indent; null: all of it on one line. */
  #printed(value: unknown, indent: string | null): string {
    if (indent === null || this.#flat) return JSON.stringify(value);
    return JSON.stringify(value, null, this.#unit).replaceAll("\n", this.#eol + indent);
  }

  /** What the line begins with that this place is in. */
  #indentAt(offset: number): string {
    const line = this.#text.slice(this.#text.lastIndexOf("\n", offset - 1) + 1, offset);
    return /^[ \t]*/.exec(line)?.[0] ?? "";
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw new UnfitJson(thrown instanceof Error ? thrown.message : String(thrown));
  }
}

/** The member that counts: of two with one name it is the last. */
function memberOf(object: Node, name: string): Node | undefined {
  return object.children?.findLast((one) => one.children?.[0]?.value === name);
}

function endOf({ offset, length }: Node): number {
  return offset + length;
}
