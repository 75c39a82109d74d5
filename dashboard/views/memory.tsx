// What the flock has decided, found out and made: by key, with every version and what changed in it.

import type { VNode } from "preact";
import { useState } from "preact/hooks";
import { exactly, useRead } from "../data/reads.ts";
import type { MemoryEntry } from "../data/types.ts";
import { setMemory } from "../acts/words.ts";
import { href, refine, usePlace } from "../router.ts";
import { Icon } from "../ui/icon.tsx";
import { Button, Empty, Given, PeerLink, Select, View } from "../ui/parts.tsx";
import { Filter } from "../ui/lists.tsx";
import { Prose } from "../ui/prose.tsx";
import { Diff } from "../ui/diff.tsx";
import { Ago } from "../ui/time.tsx";

const TYPES = [
  ["", "All types"],
  ["decision", "Decisions"],
  ["constraint", "Constraints"],
  ["fact", "Facts"],
  ["discovery", "Discoveries"],
  ["artifact", "Artifacts"],
] as const;

interface Entries {
  readonly entries: readonly MemoryEntry[];
  readonly more?: boolean;
}

export function MemoryView({ chosen }: { chosen: string }): VNode {
  const { query } = usePlace();
  const asked = {
    ...(query["type"] ? { type: query["type"] } : {}),
    ...(query["q"] ? { query: query["q"] } : {}),
  };
  const answer = useRead<Entries>("get_memory", asked, (row) => row.subject.startsWith("memory/"));
  return (
    <View
      wide
      title="Memory"
      sub="What every briefing builds on"
      actions={<Button icon="plus" onClick={() => setMemory()}>Memory</Button>}
    >
      <div class={chosen === "" ? "split" : "split chosen"}>
        <div class="split-list">
          <div class="bar">
            <Filter
              label="Search memory"
              value={query["q"] ?? ""}
              onInput={(q) => refine({ q })}
            />
            <Select
              label="Type"
              value={query["type"] ?? ""}
              options={TYPES}
              onPick={(type) => refine({ type })}
            />
          </div>
          <Given answer={answer}>
            {({ entries, more }) =>
              entries.length === 0
                ? <NoMemory filtered={Object.keys(asked).length > 0} />
                : <EntryList entries={entries} more={more === true} chosen={chosen} />}
          </Given>
        </div>
        <div class="split-detail">
          {chosen === ""
            ? <Empty title="Choose a key to see its versions." />
            : <Entry key={chosen} name={chosen} />}
        </div>
      </div>
    </View>
  );
}

function NoMemory({ filtered }: { filtered: boolean }): VNode {
  if (filtered) return <Empty title="Nothing fits this." />;
  return (
    <Empty title="Nothing is remembered yet.">
      Agents share decisions, facts and discoveries here.{" "}
      <button type="button" class="link" onClick={() => setMemory()}>Decide something</button>{" "}
      that binds them all.
    </Empty>
  );
}

function EntryList({ entries, more, chosen }: {
  entries: readonly MemoryEntry[];
  more: boolean;
  chosen: string;
}): VNode {
  return (
    <>
      <ul class="threads">
        {entries.map((entry) => (
          <li key={entry.key}>
            <a
              class={entry.key === chosen ? "thread on" : "thread"}
              aria-current={entry.key === chosen ? "true" : undefined}
              href={href(["memory", entry.key])}
              data-row
            >
              <span class="thread-head">
                <strong class={entry.superseded_by === undefined ? "" : "struck"}>
                  {entry.key}
                </strong>
                <Ago at={entry.at} bare />
              </span>
              <span class="thread-text">{entry.value}</span>
              <span class="thread-foot">
                <TypeTag entry={entry} />
                <Confidence of={entry.confidence} />
                <span class="dim">v{entry.version} by {entry.by}</span>
              </span>
            </a>
          </li>
        ))}
      </ul>
      {more && <p class="dim pad">There are more: search, or choose a type.</p>}
    </>
  );
}

export function TypeTag({ entry }: { entry: Pick<MemoryEntry, "type"> }): VNode {
  return <span class={`tag mem-${entry.type}`}>{entry.type}</span>;
}

function Confidence({ of }: { of: MemoryEntry["confidence"] }): VNode {
  const lit = { high: 3, medium: 2, low: 1 }[of];
  return (
    <span class="confidence" title={`${of} confidence`}>
      <span class="sr">{of} confidence</span>
      {[1, 2, 3].map((i) => <span key={i} class={i <= lit ? "pip lit" : "pip"} />)}
    </span>
  );
}

function Entry({ name }: { name: string }): VNode {
  const answer = useRead<Entries>(
    "get_memory",
    { key: name, history: true },
    exactly(`memory/${name}`),
  );
  return (
    <section class="entry" aria-label={name}>
      <a class="back" href={href(["memory"])}>
        <Icon name="left" /> All keys
      </a>
      <Given answer={answer} rows={4}>
        {({ entries }) => {
          const versions = [...entries].sort((a, b) => b.version - a.version);
          const [now] = versions;
          if (now === undefined) return <Empty title="There is no such key." />;
          return (
            <>
              <Current entry={now} />
              <Versions versions={versions} />
            </>
          );
        }}
      </Given>
    </section>
  );
}

function Current({ entry }: { entry: MemoryEntry }): VNode {
  return (
    <>
      <header class="entry-head">
        <h2>{entry.key}</h2>
        <Button onClick={() => setMemory(entry)}>New version</Button>
      </header>
      <p class="inline">
        <TypeTag entry={entry} />
        <Confidence of={entry.confidence} />
        <span>
          version {entry.version} by <PeerLink name={entry.by} />
        </span>
        <Ago at={entry.at} />
        {entry.run !== undefined && <a href={href(["runs", entry.run])}>{entry.run}</a>}
      </p>
      {entry.superseded_by !== undefined && (
        <p class="refusal">
          Replaced by <a href={href(["memory", entry.superseded_by])}>{entry.superseded_by}</a>
        </p>
      )}
      {entry.supersedes !== undefined && (
        <p class="dim">
          It replaces <a href={href(["memory", entry.supersedes])}>{entry.supersedes}</a>
        </p>
      )}
      <div class="value">
        <Prose text={entry.value} />
      </div>
    </>
  );
}

function Versions({ versions }: { versions: readonly MemoryEntry[] }): VNode | null {
  // The newest is open until somebody chooses, also when a newer one comes.
  const [chosen, setOpen] = useState<number | null | undefined>(undefined);
  const open = chosen === undefined ? versions[0]?.version ?? null : chosen;
  if (versions.length < 2) return <p class="dim">This is its only version.</p>;
  return (
    <>
      <h3>Versions</h3>
      <ol class="versions">
        {versions.map((entry, i) => {
          const before = versions[i + 1];
          return (
            <li key={entry.version}>
              <button
                type="button"
                class="version"
                aria-expanded={open === entry.version}
                onClick={() => setOpen(open === entry.version ? null : entry.version)}
              >
                <Icon name="down" />
                <strong>v{entry.version}</strong>
                <span>{entry.by}</span>
                <TypeTag entry={entry} />
                <Ago at={entry.at} />
              </button>
              {open === entry.version && <Diff before={before?.value ?? ""} after={entry.value} />}
            </li>
          );
        })}
      </ol>
    </>
  );
}
