// Bad plans and bad paths: what goes round in circles, and what leads out of the project.

import type { Json } from "./wire.ts";

/** What it is, the call, the codes of which one is due, and the field that has to be named. */
export type Row = readonly [
  what: string,
  tool: string,
  args: Json,
  codes: string,
  field: string | null,
];

/** DAGs that cannot be. */
export function plans(): Row[] {
  const many = (count: number): Json[] =>
    Array.from({ length: count }, (_, n) => ({ key: `k${n}`, title: `${n}` }));
  const ring = many(500).map((task, n) => ({ ...task, blocked_by: [`k${(n + 1) % 500}`] }));
  const plan = (what: string, tasks: Json, codes: string, field: string): Row => [
    what,
    "create_task",
    { tasks },
    codes,
    field,
  ];
  return [
    plan("10,000 tasks", many(10_000), "INVALID_INPUT TOO_LARGE", "tasks"),
    plan("no task at all", [], "INVALID_INPUT", "tasks"),
    plan("a task that is none", ["a"], "INVALID_INPUT", "tasks"),
    plan(
      "a cycle of two",
      [
        { key: "a", title: "a", blocked_by: ["b"] },
        { key: "b", title: "b", blocked_by: ["a"] },
      ],
      "CYCLE",
      "blocked_by",
    ),
    plan("a cycle of 500", ring, "CYCLE", "blocked_by"),
    plan(
      "a task that waits for itself",
      [
        { key: "a", title: "a", blocked_by: ["a"] },
      ],
      "CYCLE INVALID_INPUT",
      "blocked_by",
    ),
    plan(
      "a dependency twice",
      [
        { key: "a", title: "a" },
        { key: "b", title: "b", blocked_by: ["a", "a"] },
      ],
      "INVALID_INPUT",
      "blocked_by",
    ),
    plan(
      "a dependency twice, by key and by id",
      [
        { key: "t1", title: "a" },
        { key: "b", title: "b", blocked_by: ["t1", "t1"] },
      ],
      "INVALID_INPUT",
      "blocked_by",
    ),
    plan(
      "a key twice",
      [{ key: "a", title: "1" }, { key: "a", title: "2" }],
      "DUPLICATE_KEY",
      "tasks",
    ),
    plan("the last of 300 is bad", [...many(299), { title: "" }], "INVALID_INPUT", "title"),
    ...single(),
  ];
}

/** Single tasks that cannot be. */
function single(): Row[] {
  return [
    [
      "a dependency twice for one task",
      "create_task",
      { title: "x", blocked_by: ["t1", "t1"] },
      "INVALID_INPUT",
      "blocked_by",
    ],
    [
      "title and tasks at once",
      "create_task",
      { title: "x", tasks: [{ title: "y" }] },
      "INVALID_INPUT",
      "title",
    ],
    ["neither title nor tasks", "create_task", { files: ["a"] }, "INVALID_INPUT", "title"],
    ["priority 0", "create_task", { title: "x", priority: 0 }, "INVALID_INPUT", "priority"],
    ["priority 11", "create_task", { title: "x", priority: 11 }, "INVALID_INPUT", "priority"],
    [
      "a made-up priority",
      "create_task",
      { title: "x", priority: "asap" },
      "INVALID_INPUT",
      "priority",
    ],
  ];
}

/** Reservations that lead out, cover everything, or mean nothing. */
export function paths(folder: string): Row[] {
  const outside = [
    "/etc/passwd",
    "../other.ts",
    "a/../../other.ts",
    "../",
    "..",
    "a/b/../../../c",
    `${folder}/../x.ts`,
    "..\\x.ts",
    "/../../etc/passwd",
    "/",
    "../*.ts",
  ];
  const wide = [
    "**",
    "*",
    "**/*",
    "*/**",
    ".",
    "./",
    "./**",
    "?*",
    "{*,**}",
    "{a,*}",
    "src/../**",
    "link-in/**",
    `${folder}`,
    `${folder}/**`,
    "[!/]*",
    "***",
  ];
  const odd = ["{a,b", "a}", "{1,2}{1,2}{1,2}{1,2}{1,2}{1,2}", "", " ", "a\nb", "a\u0000.ts"];
  const lock = (codes: string) => (path: string): Row => [
    `lock ${JSON.stringify(path.replace(folder, "<folder>"))}`,
    "lock_file",
    { paths: ["fine.ts", path] },
    codes,
    "paths",
  ];
  return [
    ...outside.map(lock("PATH_OUTSIDE PATH_TOO_WIDE")),
    ...wide.map(lock("PATH_TOO_WIDE")),
    ...odd.map(lock("INVALID_INPUT")),
    ["no path", "lock_file", { paths: [] }, "INVALID_INPUT", "paths"],
    ["65 paths", "lock_file", { paths: Array(65).fill("a") }, "INVALID_INPUT", "paths"],
    ["unlock outside", "unlock_file", { paths: "/etc/passwd" }, "PATH_OUTSIDE", "paths"],
    ["list locks outside", "list_locks", { path: "../x" }, "PATH_OUTSIDE", "path"],
    ["a lock of another", "lock_file", { paths: "held.ts" }, "LOCK_HELD", null],
    ["unlock for another", "unlock_file", { paths: "held.ts" }, "LOCK_NOT_YOURS", null],
    ["a lease of no time", "lock_file", { paths: "a", ttl_s: 0 }, "INVALID_INPUT", "ttl_s"],
    ["a lease for ever", "lock_file", { paths: "a", ttl_s: 1e12 }, "INVALID_INPUT", "ttl_s"],
  ];
}
