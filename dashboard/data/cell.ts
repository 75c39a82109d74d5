// A value that components watch: the page's whole machinery of state.

import { useEffect, useReducer, useRef } from "preact/hooks";

export class Cell<T> {
  #value: T;
  readonly #watchers = new Set<() => void>();

  constructor(value: T) {
    this.#value = value;
  }

  get value(): T {
    return this.#value;
  }

  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    for (const watcher of [...this.#watchers]) watcher();
  }

  /** Calls `watcher` after each change, until the returned function is called. */
  watch(watcher: () => void): () => void {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }
}

/** The value of a cell; the component renders again when it changes. */
export function useCell<T>(cell: Cell<T>): T {
  return useSelect(cell, (value) => value);
}

/** A part of a cell's value; the component renders again when that part changes. */
export function useSelect<T, S>(cell: Cell<T>, select: (value: T) => S): S {
  const [, again] = useReducer((count: number) => count + 1, 0);
  const part = select(cell.value);
  const seen = useRef(part);
  const latest = useRef(select);
  seen.current = part;
  latest.current = select;
  useEffect(() => {
    const look = (): void => {
      if (!Object.is(latest.current(cell.value), seen.current)) again(undefined);
    };
    // It may have changed between the render and now.
    look();
    return cell.watch(look);
  }, [cell]);
  return part;
}
