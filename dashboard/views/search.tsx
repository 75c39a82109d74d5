// `/` opens this: what the user types is looked for in messages, tasks, memory and conversations, by the
// leader, and here among peers, runs, locks and the places to go.

import type { VNode } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call } from "../data/api.ts";
import type { Lock, Peer, RunSummary } from "../data/types.ts";
import { VIEWS } from "../keys.ts";
import { href } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Ago } from "../ui/time.tsx";
import { sayRefused } from "../ui/toast.tsx";

interface Hit {
  readonly kind: string;
  readonly ref: string;
  readonly title: string;
  readonly excerpt: string;
  readonly at: string | null;
}

const KIND_PATHS: Readonly<Record<string, string>> = {
  task: "tasks",
  message: "messages",
  memory: "memory",
  peer: "peers",
  run: "runs",
};

function hrefOfHit(hit: Hit): string {
  if (hit.kind === "view") return href([hit.ref]);
  if (hit.kind === "lock") return href(["locks"], { q: hit.ref });
  if (hit.kind === "conversation") return href(["peers", hit.title.split(" ")[0] ?? ""]);
  return href([KIND_PATHS[hit.kind] ?? "search", hit.ref]);
}

function placesFor(query: string): Hit[] {
  const wanted = query.toLowerCase();
  const places = VIEWS.filter(([, label]) => label.toLowerCase().includes(wanted))
    .map(([ref, title]) => ({ kind: "view", ref, title, excerpt: "", at: null }));
  const id = /^([tmr]\d+)$/.exec(query.trim())?.[1];
  if (id === undefined) return places;
  const kind = { t: "task", m: "message", r: "run" }[id.charAt(0)] ?? "task";
  return [{ kind, ref: id, title: id, excerpt: "", at: null }, ...places];
}

interface Named {
  readonly peers?: readonly Peer[];
  readonly runs?: readonly RunSummary[];
  readonly locks?: readonly Lock[];
}

/** What there is not so much of that it needs an index: peers, runs and locks, as they are now. */
function useNamed(): readonly Hit[] {
  const [hits, setHits] = useState<readonly Hit[]>([]);
  useEffect(() => {
    const asked = [call<Named>("status"), call<Named>("run", { action: "list" })];
    void Promise.allSettled([...asked, call<Named>("list_locks")]).then((answers) => {
      const all = answers.flatMap((one) => one.status === "fulfilled" ? [one.value] : []);
      setHits(all.flatMap(({ peers = [], runs = [], locks = [] }) => [
        ...peers.map(({ name, summary }) => hitOf("peer", name, name, summary)),
        ...runs.map(({ id, goal, status }) => hitOf("run", id, goal, status)),
        ...locks.map(({ path, holder }) => hitOf("lock", path, path, holder)),
      ]));
    });
  }, []);
  return hits;
}

function hitOf(kind: string, ref: string, title: string, excerpt: string): Hit {
  return { kind, ref, title, excerpt, at: null };
}

/** Paths are full of words: what was said comes before them. */
function isLock({ kind }: Hit): boolean {
  return kind === "lock";
}

/** Those in which every word stands that was typed. */
function among(named: readonly Hit[], query: string): Hit[] {
  const words = query.toLowerCase().split(/\s+/).filter((word) => word !== "");
  if (query.trim().length < 2) return [];
  return named.filter(({ title, excerpt }) => {
    const text = `${title} ${excerpt}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
}

const TYPING_MS = 120;
const BEHIND_MS = 500;

interface Found {
  readonly hits: readonly Hit[];
  readonly incomplete?: boolean;
}

function useHits(query: string): readonly Hit[] {
  const [hits, setHits] = useState<readonly Hit[]>([]);
  useEffect(() => {
    const typed = query.trim();
    if (typed.length < 2) {
      setHits([]);
      return;
    }
    let stopped = false;
    const search = async (): Promise<void> => {
      try {
        const { hits, incomplete } = await call<Found>("search", { query: typed });
        if (stopped) return;
        setHits(hits);
        // The index is behind: what was said just now comes a moment later.
        if (incomplete === true) timer = setTimeout(search, BEHIND_MS);
      } catch (thrown) {
        if (!stopped) sayRefused(thrown);
      }
    };
    let timer = setTimeout(search, TYPING_MS);
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [query]);
  return hits;
}

export function Search({ closed }: { closed(): void }): VNode {
  const dialog = useRef<HTMLDialogElement>(null);
  const [query, setQuery] = useState("");
  const [at, setAt] = useState(0);
  const found = useHits(query);
  const named = useNamed();
  const own = among(named, query).slice(0, 10);
  const [locks, who] = [own.filter(isLock), own.filter((hit) => !isLock(hit))];
  const hits = [...placesFor(query), ...who, ...found, ...locks].slice(0, 40);
  // Before anything else is typed: the next key belongs to the dialog already.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const onKey = (event: KeyboardEvent): void => {
    const by = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
    if (by !== 0) {
      event.preventDefault();
      setAt(Math.max(0, Math.min(hits.length - 1, at + by)));
    } else if (event.key === "Enter") {
      const hit = hits[at];
      if (hit === undefined) return;
      event.preventDefault();
      dialog.current?.close();
      location.hash = hrefOfHit(hit);
    }
  };
  return (
    <dialog
      ref={dialog}
      class="dialog palette"
      aria-label="Search"
      onClose={closed}
      onClick={(event) => event.target === dialog.current && dialog.current?.close()}
    >
      <div class="palette-field">
        <Icon name="search" />
        <input
          type="text"
          role="combobox"
          aria-label="Search everything"
          aria-expanded="true"
          aria-controls="hits"
          aria-activedescendant={hits.length === 0 ? undefined : `hit-${at}`}
          placeholder="Search, or go to..."
          value={query}
          onInput={(event) => {
            setQuery(event.currentTarget.value);
            setAt(0);
          }}
          onKeyDown={onKey}
        />
      </div>
      <ul id="hits" role="listbox" aria-label="Hits">
        {hits.map((hit, i) => (
          <HitRow
            key={`${hit.kind}/${hit.ref}`}
            hit={hit}
            id={`hit-${i}`}
            on={i === at}
            close={() => dialog.current?.close()}
          />
        ))}
      </ul>
      {hits.length === 0 && <p class="palette-none" role="status">Nothing found for this.</p>}
    </dialog>
  );
}

interface HitProps {
  readonly hit: Hit;
  readonly id: string;
  readonly on: boolean;
  close(): void;
}

function HitRow({ hit, id, on, close }: HitProps): VNode {
  return (
    <li id={id} role="option" aria-selected={on} class={on ? "on" : ""}>
      <a href={hrefOfHit(hit)} tabIndex={-1} onClick={close}>
        <span class="kind">{hit.kind === "view" ? "go to" : hit.kind}</span>
        <span class="hit-title">{hit.title}</span>
        <span class="excerpt">{hit.excerpt}</span>
        <Ago at={hit.at} bare />
      </a>
    </li>
  );
}
