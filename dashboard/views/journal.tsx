// Everything that happened, row by row: filtered, followed, and asked why.

import type { VNode } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { asRefused, call, type Refused } from "../data/api.ts";
import { useProjects } from "../data/projects.ts";
import { useRead } from "../data/reads.ts";
import { isHere } from "../data/session.ts";
import { useTasks } from "../data/tasks.ts";
import type { JournalRow } from "../data/types.ts";
import { refine, usePlace } from "../router.ts";
import { ActText, subjectText } from "../ui/act.tsx";
import { Refusal } from "../ui/form.tsx";
import { memo } from "../ui/memo.ts";
import { Button, Empty, Given, Loading, Panel, Select, View } from "../ui/parts.tsx";
import { Filter } from "../ui/lists.tsx";
import { Clock } from "../ui/time.tsx";
import { sayRefused } from "../ui/toast.tsx";

const PAGE = 100;

interface Page {
  readonly rows: readonly JournalRow[];
  readonly next: number | null;
}

const FILTERS = ["actor", "op", "subject"] as const;

export function JournalView(): VNode {
  const { query } = usePlace();
  useTasks();
  const several = useProjects().length > 1;
  const all = query["all"] === "1";
  const filter = {
    ...Object.fromEntries(
      FILTERS.map((name) => [name, query[name]?.trim()]).filter(([, value]) => !!value),
    ),
    scope: all ? "machine" : "project",
  };
  const follow = query["follow"] !== "0";
  return (
    <View
      title="Journal"
      sub={`Every act ${
        all ? "in all projects" : "in this project"
      }; each row is chained to the one before`}
      actions={
        <Button
          pressed={follow}
          onClick={() => refine({ follow: follow ? "0" : undefined })}
        >
          {follow ? "Following" : "Follow"}
        </Button>
      }
    >
      <Why what={query["why"] ?? ""} />
      <div class="bar">
        {FILTERS.map((name) => (
          <Filter
            key={name}
            label={{ actor: "Who", op: "Operation", subject: "Subject (task/t4)" }[name]}
            value={query[name] ?? ""}
            onInput={(text) => refine({ [name]: text })}
          />
        ))}
        {several && (
          <Select
            label="Acts of"
            value={all ? "1" : ""}
            options={[["", "This project"], ["1", "All projects"]]}
            onPick={(next) => refine({ all: next })}
          />
        )}
      </div>
      <RowList key={JSON.stringify(filter)} filter={filter} follow={follow} />
    </View>
  );
}

/** Rows do not change: those of the answer before are taken again, so that they need no drawing. */
function useSame(rows: readonly JournalRow[]): readonly JournalRow[] {
  const known = useRef(new Map<number, JournalRow>());
  const same = rows.map((row) => known.current.get(row.seq) ?? row);
  known.current = new Map(same.map((row) => [row.seq, row]));
  return same;
}

function RowList({ filter, follow }: { filter: Record<string, string>; follow: boolean }): VNode {
  const answer = useRead<Page>(
    "list_audit",
    { ...filter, limit: PAGE },
    (row) => follow && (filter["scope"] === "machine" || isHere(row)),
  );
  const [older, setOlder] = useState<Page | null>(null);
  useEffect(() => {
    if (follow) setOlder(null);
  }, [follow]);
  const newest = answer.data?.rows ?? [];
  const last = newest.at(-1)?.seq ?? 0;
  const rows = useSame([...newest, ...older?.rows.filter(({ seq }) => seq < last) ?? []]);
  const next = older === null ? answer.data?.next ?? null : older.next;
  const more = async (): Promise<void> => {
    try {
      const page = await call<Page>("list_audit", { ...filter, before: next, limit: PAGE });
      setOlder({ next: page.next, rows: [...older?.rows ?? [], ...page.rows] });
      // Newer rows would leave a gap that nobody sees.
      if (follow) refine({ follow: "0" });
    } catch (thrown) {
      sayRefused(thrown);
    }
  };
  return (
    <Given answer={answer} rows={10}>
      {() =>
        rows.length === 0 ? <Empty title="No row fits this filter." /> : (
          <>
            <ol class="list journal">
              {rows.map((row) => <Row key={row.seq} row={row} title={subjectText(row.subject)} />)}
            </ol>
            {next !== null && <Button kind="ghost" onClick={() => void more()}>Older rows</Button>}
          </>
        )}
    </Given>
  );
}

/** A row is drawn again only when its task's title becomes known. */
const Row = memo(function Row({ row }: { row: JournalRow; title: string }): VNode {
  const detail = row.detail === null ? "" : JSON.stringify(row.detail);
  return (
    <li class="journal-row" data-row>
      <span class="seq">{row.seq}</span>
      <Clock at={row.at} />
      <ActText row={row} />
      <code class="op">{row.op}</code>
      <span class="detail" title={detail}>
        {row.detail === null ? "forgotten" : plain(row.detail)}
      </span>
    </li>
  );
});

/** Where a file is says its subject already. */
const SAID = new Set(["space", "tree", "project"]);

function plain(detail: Readonly<Record<string, unknown>>): string {
  return Object.entries(detail).filter(([name]) => !SAID.has(name)).map(([name, value]) =>
    `${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`
  ).join(", ");
}

/** Lines begin with their time as the store has it; people read it as they do everywhere else. */
function StoryLine({ line }: { line: string }): VNode {
  const [, at, rest] = /^(\d{4}-\d\d-\d\dT\S+Z) (.*)$/s.exec(line) ?? [];
  return (
    <li>
      {at === undefined ? <span /> : <Clock at={at} />}
      <span>{rest ?? line}</span>
    </li>
  );
}

interface Stories {
  readonly found?: readonly { readonly kind: string; readonly lines: readonly string[] }[];
}

/** What is typed here is asked why it is so. */
function Why({ what }: { what: string }): VNode {
  const [typed, setTyped] = useState(what);
  const [told, setTold] = useState<Stories | null>(null);
  const [refused, setRefused] = useState<Refused | null>(null);
  useEffect(() => {
    setTyped(what);
    setTold(null);
    setRefused(null);
    if (what === "") return;
    let late = false;
    call<Stories>("why", { what })
      .then((answer) => !late && setTold(answer))
      .catch((thrown) => !late && setRefused(asRefused(thrown)));
    return () => {
      late = true;
    };
  }, [what]);
  return (
    <form
      class="why"
      onSubmit={(event) => {
        event.preventDefault();
        refine({ why: typed.trim() });
      }}
    >
      <div class="bar">
        <Filter
          label="Why? A task, path, message, key, run or peer"
          value={typed}
          onInput={setTyped}
        />
        <button type="submit">Why?</button>
        {what !== "" && (
          <Button kind="ghost" onClick={() => refine({ why: undefined })}>Close</Button>
        )}
      </div>
      {refused !== null && <Refusal refused={refused} />}
      {what !== "" && told === null && refused === null && <Loading rows={3} />}
      {told?.found?.map(({ kind, lines }) => (
        <Panel key={kind} title={`${what}, the ${kind}`}>
          <ol class="story">
            {lines.map((line, i) => <StoryLine key={i} line={line} />)}
          </ol>
        </Panel>
      ))}
    </form>
  );
}
