// Style and shape as tests: what a reader of this house may rely on. Lengths, opening comments,
// the direction of imports, words that have no place here, and documents that must not drift.

import { assert, assertEquals } from "@std/assert";
import { dirname, fromFileUrl, join, relative } from "@std/path";
import { withDerivedParts } from "../src/door/docs.ts";
import { VERSION } from "../src/core/version.ts";
import { PROMISES } from "./requirements.ts";

const ROOT = dirname(dirname(fromFileUrl(import.meta.url)));
const FILE_LINES = 330;
const FUNCTION_LINES = 70;

function filesIn(folder: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) found.push(...filesIn(path));
    else if (/\.tsx?$/.test(entry.name)) found.push(path);
  }
  return found.sort();
}

function read(path: string): string {
  return Deno.readTextFileSync(join(ROOT, path));
}

const SOURCES = ["mod.ts", ...filesIn("src")];
const PAGE = filesIn("dashboard");
const ALL = [...SOURCES, ...PAGE, ...filesIn("tests")];

/** Fails with the whole list, so that one run shows everything there is to mend. */
function none(found: readonly string[], what: string): void {
  assertEquals(found, [], what);
}

Deno.test("tidy: every file opens with why it is there", () => {
  none(ALL.filter((path) => !/^(\/\/ \S|\/\*\*)/.test(read(path))), "no opening comment");
});

Deno.test("tidy: files and functions stay short", () => {
  none(ALL.filter((path) => read(path).split("\n").length > FILE_LINES), "too many lines");
  const long: string[] = [];
  for (const path of ALL) long.push(...longFunctions(path, read(path)));
  none(long, `functions of more than ${FUNCTION_LINES} lines`);
});

/** deno fmt aligns a function's end with its beginning, so indentation tells where it ends. */
function longFunctions(path: string, text: string): string[] {
  const lines = text.split("\n");
  const found: string[] = [];
  for (const [i, line] of lines.entries()) {
    const start = /^( *)(export )?(default )?(async )?(function |static |get |set )?[#\w]+.*\{$/
      .exec(line);
    if (start === null || !/\)(: [^=]+)? \{$/.test(line)) continue;
    const indent = start[1] ?? "";
    const length = lines.slice(i + 1).findIndex((one) => one.startsWith(`${indent}}`));
    // A function that only returns a table of data is as long as its data.
    if (/^ *return \[$/.test(lines[i + 1] ?? "")) continue;
    if (length > FUNCTION_LINES) found.push(`${path}:${i + 1} (${length})`);
  }
  return found;
}

Deno.test("tidy: words that have no place here", () => {
  // Written so that none finds itself: this file is looked at, too.
  const banned = [
    /console\.(log|error|warn|info)\(/,
    /\b(TO[D]O|FIX[M]E|X[X]X)\b/,
    /\bas [a]ny\b/,
    /@ts-[i]gnore/,
    /Deno\.test\.[o]nly|only: [t]rue/,
    // As a namespace: only then does the bundle leave out the third of it that nobody uses.
    /import (type )?\{ [z] \} from "zod"/,
  ];
  const found: string[] = [];
  for (const path of ALL) {
    for (const word of banned) if (word.test(read(path))) found.push(`${path}: ${word}`);
  }
  none(found, "banned");
});

/** Rooms whose files only operations and doors above may use. */
const ROOMS = [
  "peer",
  "message",
  "task",
  "lock",
  "memory",
  "run",
  "conversation",
  "fleet",
  "flock",
  "audit",
  "mirror",
];

/** Where a file stands; imports go to the same height or below. */
function height(path: string): number {
  const [, room, file] = path.split("/");
  if (path === "mod.ts") return 10;
  if (room === "core") return 0;
  if (["store", "filter", "worktree", "agent"].includes(room ?? "")) return 1;
  if (ROOMS.includes(room ?? "")) {
    if (file === "rules.ts") return 2;
    return isOperations(path) ? 4 : 3;
  }
  if (/^src\/(catalogue|aliases|translate)\.ts$/.test(path)) return 5;
  if (/^src\/(perform|parse|authorise|refusals)\.ts$/.test(path)) return 6;
  if (room === "node") return 7;
  if (["claude", "conductor", "coordination"].includes(room ?? "")) return 8;
  if (room === "door") return 9;
  if (path === "src/std.d.ts") return 0;
  throw new Error(`${path} stands in no room`);
}

/** A file that defines operations, whatever it is called. */
function isOperations(path: string): boolean {
  return /= operation\(\{/.test(read(path));
}

function importsOf(path: string): string[] {
  const found: string[] = [];
  for (const [, target] of read(path).matchAll(/from "(\.[^"]+)"|import\("(\.[^"]+)"\)/g)) {
    if (target !== undefined) {
      found.push(relative(ROOT, join(ROOT, dirname(path), target)).replaceAll("\\", "/"));
    }
  }
  return found;
}

Deno.test("tidy: imports run one way, and nobody imports a door", () => {
  const found: string[] = [];
  for (const path of SOURCES) {
    for (const target of importsOf(path)) {
      const up = height(target) > height(path);
      const rulesStay = height(path) === 2 && height(target) > 0;
      if (up || rulesStay) found.push(`${path} imports ${target}`);
    }
  }
  none(found, "imports that go up");
});

Deno.test("tidy: rooms that know only the core", () => {
  const found: string[] = [];
  for (const path of SOURCES.filter((one) => one.startsWith("src/worktree/"))) {
    for (const target of importsOf(path)) {
      if (!/^src\/(core|worktree)\//.test(target)) found.push(`${path} imports ${target}`);
    }
  }
  none(found, "imports of other rooms");
});

Deno.test("tidy: a room's operations use no other room's operations", () => {
  // Shapes and briefings that rooms share stand in view.ts and the like; what is left is named.
  const allowed = new Set<string>();
  const found: string[] = [];
  for (const path of SOURCES.filter((one) => height(one) === 4)) {
    for (const target of importsOf(path)) {
      if (height(target) === 4 && dirname(target) !== dirname(path) && !allowed.has(target)) {
        found.push(`${path} imports ${target}`);
      }
    }
  }
  none(found, "operations that know each other");
});

Deno.test("tidy: nothing of this or that machine is in the tree", () => {
  const documents = ["README.md", "SECURITY.md", "CONTRIBUTING.md", ".ci/run", "deno.json", ...ALL];
  const found = documents.filter((path) => {
    if (path === "tests/tidy_test.ts") return false;
    return /\/home\/\w|\/root\/|\/work\/|registry\.[a-z]+\.(org|com)/.test(read(path));
  });
  none(found, "paths of a machine or hosts of a registry");
});

Deno.test("README: its derived parts are those of the code", () => {
  const readme = read("README.md");
  assertEquals(withDerivedParts(readme), readme, "run: deno task docs");
});

Deno.test("SECURITY.md: every claim's tests are there", () => {
  const cited = read("SECURITY.md").match(/tests\/[\w./]+/g) ?? [];
  assert(cited.length > 10);
  const missing = [...new Set(cited)].map((path) => path.replace(/[./]+$/, "")).filter((path) => {
    try {
      Deno.statSync(join(ROOT, path));
      return false;
    } catch {
      return true;
    }
  });
  none(missing, "tests that SECURITY.md names and nobody finds");
});

Deno.test("README: has a line for every room", () => {
  const readme = read("README.md");
  const rooms = [...Deno.readDirSync(join(ROOT, "src"))].map((entry) => entry.name);
  none(rooms.filter((room) => !readme.includes(room)), "rooms without a line");
});

Deno.test("README: has the two commands for a machine with Node alone", () => {
  const readme = read("README.md");
  assert(readme.includes("npx -y deno@2.9.6 task demo"));
  assert(readme.includes("npx -y deno@2.9.6 task test"));
});

Deno.test("version: is that of deno.json", () => {
  assertEquals((JSON.parse(read("deno.json")) as { version: string }).version, VERSION);
});

Deno.test("requirements: every promise that has code is cited by a test", () => {
  const names = filesIn("tests").filter((path) => path.endsWith("_test.ts")).map(read).join("\n");
  const missing = PROMISES.filter(({ number }) => !names.includes(`promise ${number}: `));
  none(missing.map(({ number, promise }) => `promise ${number}: ${promise}`), "not cited");
});
