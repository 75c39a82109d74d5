// The frame around every view: navigation, project, connection, theme.

import type { VNode } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Cell, useCell } from "./data/cell.ts";
import { needsOf, touchesStatus } from "./data/needs.ts";
import { connection, moved } from "./data/events.ts";
import { projectName, useProjects } from "./data/projects.ts";
import { type Answer, useRead } from "./data/reads.ts";
import { chooseProject, session } from "./data/session.ts";
import type { StatusAnswer } from "./data/types.ts";
import { VIEWS } from "./keys.ts";
import { openHelp, openPalette, Palette } from "./palette.tsx";
import { go, href, usePlace } from "./router.ts";
import { nextTheme, theme } from "./theme.ts";
import { createTask, startRun } from "./acts/tasks.ts";
import { spawnWorker } from "./acts/peers.ts";
import { sendMessage, setMemory } from "./acts/words.ts";
import { Dialogs } from "./ui/form.tsx";
import { Icon } from "./ui/icon.tsx";
import { Button } from "./ui/parts.tsx";
import { Toasts } from "./ui/toast.tsx";
import { Current } from "./views/current.tsx";

const drawer = new Cell(false);

/** The status that the whole frame and the first view share. */
export function useStatus(): Answer<StatusAnswer> {
  return useRead<StatusAnswer>("status", {}, touchesStatus);
}

export function Shell(): VNode {
  const { data: status } = useStatus();
  const open = useCell(drawer);
  const { path } = usePlace();
  const count = needsOf(status).length;
  useEffect(() => drawer.set(false), [path.join("/")]);
  useEffect(() => {
    const view = VIEWS.find(([name]) => name === path[0])?.[1] ?? "skein";
    const detail = path[1] === undefined ? "" : `${path[1]} - `;
    document.title = `${count > 0 ? `(${count}) ` : ""}${detail}${view} - skein`;
  }, [count, path.join("/")]);
  return (
    <div class={open ? "shell open" : "shell"}>
      <a class="skip" href="#main" onClick={skip}>To the content</a>
      <Side count={count} />
      <div class="scrim" onClick={() => drawer.set(false)} />
      <div class="body">
        <TopBar />
        <Notes />
        <main id="main" tabIndex={-1}>
          <Current />
        </main>
        <BottomBar count={count} />
      </div>
      <p class="sr" role="status" aria-live="polite">
        {count === 0 ? "Nothing needs you" : `${count} things need you`}
      </p>
      <Dialogs />
      <Palette />
      <Toasts />
    </div>
  );
}

/** The hash is the router's: the link to the content moves the focus itself. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function NavLink({ path, label, hint, count }: {
  path: string;
  label: string;
  hint?: string;
  count: number;
}): VNode {
  const here = usePlace().path[0] === path;
  return (
    <a href={href([path])} aria-current={here ? "page" : undefined}>
      <Icon name={path} />
      <span class="label">{label}</span>
      {count > 0 && <span class="count">{count}</span>}
      {hint !== undefined && <kbd aria-hidden="true">g {hint}</kbd>}
    </a>
  );
}

function Side({ count }: { count: number }): VNode {
  return (
    <div class="side">
      <div class="brand">
        <svg viewBox="0 0 32 32" width="22" height="22" aria-hidden="true">
          <rect class="brand-box" width="32" height="32" rx="8" />
          <path class="brand-bird" d="M6 20l10-9 10 9M11 23l5-4.5 5 4.5" />
        </svg>
        <strong>skein</strong>
      </div>
      <ProjectSwitch />
      <nav aria-label="Views">
        {VIEWS.map(([path, label, key]) => (
          <NavLink
            key={path}
            path={path}
            label={label}
            hint={key}
            count={path === "attention" ? count : 0}
          />
        ))}
      </nav>
      <div class="side-foot">
        <Live />
        <div class="side-tools">
          <ThemeButton />
          <Button kind="ghost" small icon="key" label="Keyboard map (?)" onClick={openHelp} />
        </div>
      </div>
    </div>
  );
}

function ProjectSwitch(): VNode {
  const now = useCell(session)?.project ?? "";
  const projects = useProjects();
  const known = projects.some(({ id }) => id === now);
  return (
    <label class="project">
      <span class="sr">Project</span>
      <select
        value={now}
        title={now}
        onChange={(event) => {
          chooseProject(event.currentTarget.value);
          go(["attention"]);
        }}
      >
        {!known && <option value={now}>{projectName(now)}</option>}
        {projects.map(({ id, name, attention }) => (
          <option key={id} value={id}>
            {name}
            {attention > 0 && id !== now ? ` (${attention})` : ""}
          </option>
        ))}
      </select>
    </label>
  );
}

const THEME_LABELS = { system: "As the system", light: "Light", dark: "Dark" };
const THEME_ICONS = { system: "auto", light: "sun", dark: "moon" };

function ThemeButton(): VNode {
  const now = useCell(theme);
  return (
    <Button
      kind="ghost"
      small
      icon={THEME_ICONS[now]}
      label={`Theme: ${THEME_LABELS[now]}`}
      onClick={nextTheme}
    />
  );
}

/** Whether the page follows, and whom. */
function Live(): VNode {
  const { state, hello } = useCell(connection);
  const words = { connecting: "Connecting", live: "Live", lost: "Reconnecting" };
  const leader = hello?.leader.name;
  return (
    <a class={`live ${state}`} href={href(["flock"])} title="Who leads, since when">
      <span class="dot" aria-hidden="true" />
      <span>{words[state]}</span>
      {state === "live" && leader !== undefined && <span class="leader">{leader} leads</span>}
    </a>
  );
}

function TopBar(): VNode {
  return (
    <div class="top" role="banner">
      <Button kind="ghost" icon="menu" label="Menu" onClick={() => drawer.set(!drawer.value)} />
      <button type="button" class="search-open" onClick={openPalette}>
        <Icon name="search" />
        <span>Search or go to</span>
        <kbd aria-hidden="true">/</kbd>
      </button>
      <NewMenu />
    </div>
  );
}

const NEW: readonly (readonly [label: string, does: () => void])[] = [
  ["Task", () => createTask()],
  ["Message", () => sendMessage()],
  ["Message to everybody", () => sendMessage("*")],
  ["Memory", () => setMemory()],
  ["Run", () => startRun()],
  ["Worker", () => spawnWorker()],
];

function NewMenu(): VNode {
  const [open, setOpen] = useState(false);
  return (
    <details
      class="menu"
      open={open}
      onToggle={(event) => setOpen(event.currentTarget.open)}
      onKeyDown={(event) => event.key === "Escape" && setOpen(false)}
      onFocusOut={(event) => {
        const next = event.relatedTarget;
        if (!(next instanceof Node) || !event.currentTarget.contains(next)) setOpen(false);
      }}
    >
      <summary class="button primary">
        <Icon name="plus" />
        <span>New</span>
      </summary>
      <div class="menu-list">
        {NEW.map(([label, does]) => (
          <button
            key={label}
            type="button"
            onClick={() => {
              setOpen(false);
              does();
            }}
          >
            {label}
          </button>
        ))}
      </div>
    </details>
  );
}

/** What a reader has to know about the connection. */
function Notes(): VNode {
  const { state, since, why, hung, foreign } = useCell(connection);
  const lead = useCell(moved);
  const [late, setLate] = useState(false);
  useEffect(() => {
    setLate(false);
    if (state === "live") return;
    const timer = setTimeout(() => setLate(true), 1_500);
    return () => clearTimeout(timer);
  }, [state, since]);
  useEffect(() => {
    if (lead === null) return;
    const timer = setTimeout(() => moved.set(null), 15_000);
    return () => clearTimeout(timer);
  }, [lead]);
  return (
    <div class="notes" role="status" aria-live="polite">
      {state !== "live" && late && (
        <p class="note bad">
          {foreign === true ? <Strange /> : <Lost why={why ?? null} hung={hung === true} />}
        </p>
      )}
      {lead !== null && state === "live" && (
        <p class="note">
          <strong>Leadership moved to {lead.name}</strong> (epoch {lead.epoch}). Nothing was missed.
          <Button
            kind="ghost"
            small
            icon="close"
            label="Dismiss"
            onClick={() => moved.set(null)}
          />
        </p>
      )}
    </div>
  );
}

/** Nothing of what it says is shown, and nothing is sent to it that it could use. */
function Strange(): VNode {
  return (
    <span>
      <strong>Something else answers at {location.host}.</strong>{" "}
      It is no leader of this flock: another program, perhaps another user's, has the port. Nothing
      that it says is shown. Do not reload this page; <code>skein dashboard</code>{" "}
      opens it where the leader is. It goes on by itself when the leader is back.
    </span>
  );
}

/** What is wrong, and where to go on. */
function Lost({ why, hung }: { why: string | null; hung: boolean }): VNode {
  if (hung) {
    return (
      <span>
        <strong>The leader does not answer.</strong>{" "}
        Its process is stopped or hangs, and it keeps this address,{" "}
        {location.host}. Within 15 seconds another session leads, at another one:{" "}
        <code>skein dashboard</code>{" "}
        opens the page there. What is shown here is from before; it goes on by itself when this
        address answers again.
      </span>
    );
  }
  return (
    <span>
      <strong>The connection is lost.</strong> {why === null
        ? (
          <>
            The page tries again by itself and misses nothing. If leadership moved to another port,
            run <code>skein dashboard</code> for a new link.
          </>
        )
        : `${why} What is shown is from before; the page tries again by itself.`}
    </span>
  );
}

function BottomBar({ count }: { count: number }): VNode {
  return (
    <nav class="bottom" aria-label="Main views">
      {VIEWS.slice(0, 4).map(([path, label]) => (
        <NavLink key={path} path={path} label={label} count={path === "attention" ? count : 0} />
      ))}
      <button type="button" onClick={() => drawer.set(true)}>
        <Icon name="menu" />
        <span class="label">More</span>
      </button>
    </nav>
  );
}
