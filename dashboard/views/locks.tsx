// Who edits what: the reserved paths as a tree of folders, with holder and age.

import type { VNode } from "preact";
import { useMemo, useState } from "preact/hooks";
import { about, useRead } from "../data/reads.ts";
import type { Lock } from "../data/types.ts";
import { releaseLock } from "../acts/words.ts";
import { refine, usePlace } from "../router.ts";
import { Glyph } from "../ui/glyph.tsx";
import { Button, Empty, Given, PeerLink, TaskLink, View } from "../ui/parts.tsx";
import { Filter } from "../ui/lists.tsx";
import { Ago, durationText } from "../ui/time.tsx";

interface Folder {
  readonly name: string;
  readonly path: string;
  readonly folders: Map<string, Folder>;
  readonly locks: { readonly name: string; readonly lock: Lock }[];
}

/** Paths as a tree; a folder that is locked itself is a lock in its parent. */
export function treeOf(locks: readonly Lock[]): Folder {
  const root: Folder = { name: "", path: "", folders: new Map(), locks: [] };
  for (const lock of locks) {
    const parts = lock.path.split("/").filter((part) => part !== "");
    const name = (parts.pop() ?? lock.path) + (lock.path.endsWith("/") ? "/" : "");
    let folder = root;
    for (const part of parts) {
      let next = folder.folders.get(part);
      if (next === undefined) {
        const path = `${folder.path}${part}/`;
        next = { name: part, path, folders: new Map(), locks: [] };
        folder.folders.set(part, next);
      }
      folder = next;
    }
    folder.locks.push({ name, lock });
  }
  return root;
}

/** How long a lock has left changes without a row of the journal. */
const LOOK_MS = 10_000;

export function LocksView(): VNode {
  const answer = useRead<{ locks: Lock[] }>("list_locks", {}, about("lock", "peer"), LOOK_MS);
  const { query } = usePlace();
  const wanted = (query["q"] ?? "").toLowerCase();
  const locks = (answer.data?.locks ?? []).filter(({ path, holder }) =>
    `${path} ${holder}`.toLowerCase().includes(wanted)
  );
  const tree = useMemo(() => treeOf(locks), [answer.data, wanted]);
  const waiting = locks.filter((lock) => (lock.waiting?.length ?? 0) > 0).length;
  return (
    <View
      title="Locks"
      sub={answer.data === undefined
        ? "Looking"
        : `${locks.length} reserved` + (waiting > 0 ? `, ${waiting} with somebody waiting` : "")}
    >
      <div class="bar">
        <Filter
          label="Filter by path or holder"
          value={query["q"] ?? ""}
          onInput={(q) => refine({ q })}
        />
      </div>
      <Given answer={answer}>
        {() =>
          locks.length === 0
            ? (
              <Empty title={wanted === "" ? "Nobody has reserved a file." : "No lock fits this."}>
                {wanted === "" &&
                  "Agents reserve files before they edit; with the plugin each edit does it by itself."}
              </Empty>
            )
            : (
              <div class="list tree">
                <div class="tree-head" aria-hidden="true">
                  <span>Path</span>
                  <span>Holder</span>
                  <span>Task</span>
                  <span>Held</span>
                  <span>Left</span>
                  <span />
                </div>
                <Level folder={tree} depth={0} />
              </div>
            )}
      </Given>
    </View>
  );
}

function Level({ folder, depth }: { folder: Folder; depth: number }): VNode {
  const folders = [...folder.folders.values()].sort((a, b) => a.name.localeCompare(b.name));
  const locks = [...folder.locks].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <ul>
      {folders.map((one) => <Branch key={one.path} folder={one} depth={depth} />)}
      {locks.map(({ name, lock }) => (
        <Leaf key={`${lock.path} ${lock.holder}`} name={name} lock={lock} depth={depth} />
      ))}
    </ul>
  );
}

function count(folder: Folder): number {
  return [...folder.folders.values()].reduce((sum, one) => sum + count(one), folder.locks.length);
}

const INDENT_PX = 18;

function Branch({ folder, depth }: { folder: Folder; depth: number }): VNode {
  const [open, setOpen] = useState(true);
  return (
    <li>
      <button
        type="button"
        class="tree-row folder"
        aria-expanded={open}
        data-row
        style={{ paddingLeft: `${12 + depth * INDENT_PX}px` }}
        onClick={() => setOpen(!open)}
      >
        <span class="path">
          <Glyph of="folder" />
          {folder.name}/
          {!open && <span class="count">{count(folder)}</span>}
        </span>
      </button>
      {open && <Level folder={folder} depth={depth + 1} />}
    </li>
  );
}

function Leaf({ name, lock, depth }: { name: string; lock: Lock; depth: number }): VNode {
  const automatic = lock.automatic === true ? "taken for an editor" : "";
  return (
    <li class="tree-row" style={{ paddingLeft: `${12 + depth * INDENT_PX}px` }}>
      <span class="path" title={lock.path}>
        <Glyph of={lock.mode === "shared" ? "shared" : "lock"} label={lock.mode} />
        {name}
        {lock.mode === "shared" && <span class="tag">shared</span>}
        {automatic !== "" && <span class="tag" title={automatic}>auto</span>}
      </span>
      <span class="holder">
        <PeerLink name={lock.holder} />
        {(lock.waiting?.length ?? 0) > 0 && (
          <span class="warn">{lock.waiting?.join(", ")} waits</span>
        )}
      </span>
      <span>{lock.task !== null && <TaskLink id={lock.task} />}</span>
      <span class="held">
        <Ago at={lock.since} bare />
      </span>
      <span class="dim left">{durationText(lock.expires_in_s)}</span>
      <Button small onClick={() => releaseLock(lock)} label={`Release ${lock.path}`}>
        Release
      </Button>
    </li>
  );
}
