// What `skein doctor` says of a home's copies: how old its newest backup is, and which folders beside it
// hold its secret although nobody needs them any more.

import { basename, dirname, join } from "@std/path";
import { namesIn } from "../core/folders.ts";
import { backupsIn } from "../store/backups.ts";
import { leftIn } from "../store/making.ts";
import type { Finding } from "./installation.ts";

const UNITS = [["day", 86_400_000], ["hour", 3_600_000], ["minute", 60_000]] as const;

/** Looks beside the home, and where its backups are by default. */
export function copies(home: string, nowMs: number): Finding[] {
  const folder = `${home}-backups`;
  const [newest, ...older] = backupsIn(folder);
  const backups: Finding = newest === undefined
    ? {
      what: "backups",
      state: "note",
      text: `none in ${folder}`,
      remedy: "Run: skein backup (by the hour or day: skein backup --keep 7)",
    }
    : {
      what: "backups",
      state: "ok",
      text: `${1 + older.length} in ${folder}, the newest ${ageOf(nowMs - newest.wallMs)}`,
    };
  const found = [backups];
  const left = [...leftIn(dirname(home)), ...leftIn(folder)];
  if (left.length > 0) {
    found.push({
      what: "half-made copies",
      state: "note",
      text: `left by a backup or restore that was cut off, with a home's secret: ${
        left.join(", ")
      }`,
      remedy: "The next skein backup or restore beside them removes them.",
    });
  }
  const before = namesIn(dirname(home)).filter((name) =>
    name.startsWith(`${basename(home)}.before-`)
  );
  if (before.length > 0) {
    found.push({
      what: "homes from before a restore",
      state: "note",
      text: before.sort().map((name) => join(dirname(home), name)).join(", "),
      remedy: "Remove them once you miss nothing.",
    });
  }
  return found;
}

function ageOf(ms: number): string {
  const [unit, unitMs] = UNITS.find(([, each]) => ms >= each) ?? ["", 0];
  if (unitMs === 0) return "less than a minute old";
  const count = Math.floor(ms / unitMs);
  return `${count} ${unit}${count === 1 ? "" : "s"} old`;
}
