// A text as a reader would take it, with the way back: every character of a view knows which
// characters of the original it stands for, so what is found in a decoded text can be mended in
// the original one. Decoding and folding are lists of edits; views of views compose. Pure.

/** Replace what stands at `from` up to `to` by `text`. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

interface Places {
  readonly from: Int32Array;
  readonly to: Int32Array;
}

export interface View {
  readonly text: string;
  /** Null while the view is the original itself: most texts never need a map. */
  readonly places: Places | null;
}

/** The original as a view of itself. */
export function plainView(text: string): View {
  return { text, places: null };
}

/** Where a stretch of a view stands in the original. */
export function originOf(view: View, from: number, to: number): [number, number] {
  if (view.places === null) return [from, to];
  return [view.places.from[from] ?? 0, view.places.to[to - 1] ?? 0];
}

/** A view with edits in order that do not overlap; the same view if there are none. */
export function edited(view: View, edits: readonly Edit[]): View {
  if (edits.length === 0) return view;
  let length = view.text.length;
  for (const edit of edits) length += edit.text.length - (edit.to - edit.from);
  const from = new Int32Array(length);
  const to = new Int32Array(length);
  const parts: string[] = [];
  let done = 0;
  let out = 0;
  const keep = (end: number): void => {
    if (end > done) parts.push(view.text.slice(done, end));
    for (let i = done; i < end; i++, out++) {
      from[out] = view.places === null ? i : view.places.from[i] ?? 0;
      to[out] = view.places === null ? i + 1 : view.places.to[i] ?? 0;
    }
  };
  for (const edit of edits) {
    keep(edit.from);
    parts.push(edit.text);
    const [start, end] = originOf(view, edit.from, edit.to);
    for (let i = 0; i < edit.text.length; i++, out++) {
      from[out] = start;
      to[out] = end;
    }
    done = edit.to;
  }
  keep(view.text.length);
  return { text: parts.join(""), places: { from, to } };
}

/** A text with edits in any order; of two that overlap, the one that starts first is done. */
export function withEdits(text: string, edits: readonly Edit[]): string {
  const sorted = [...edits].sort((a, b) => a.from - b.from || b.to - a.to);
  const parts: string[] = [];
  let done = 0;
  for (const edit of sorted) {
    if (edit.from < done) continue;
    parts.push(text.slice(done, edit.from), edit.text);
    done = edit.to;
  }
  parts.push(text.slice(done));
  return parts.join("");
}
