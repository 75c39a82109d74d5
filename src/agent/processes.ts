// The processes of this machine, as far as ending a group needs them: who is in it, when each began,
// and whose mark each carries. On Linux from /proc: read directly where that is permitted, and by `cat`
// and `grep` where it is not, which is how the installed command runs; the answers are the same. From
// `ps` on systems without /proc.

/** A process that lives. One that has ended and is only not yet forgotten (a zombie) is none. */
export interface Process {
  readonly pid: number;
  readonly pgid: number;
  /** When it began, in the words of the system: with the boot's id it names one process for ever. */
  readonly start: string;
}

/** How the processes are read; tests hand in their own. */
export interface ProcessTable {
  /** Id of this boot of the machine; empty where nothing tells. */
  boot(): string;
  /** The process with this number; null if it has ended. */
  process(pid: number): Process | null;
  /** All that can be seen. */
  all(): Process[];
  /** Those of `among` whose environment has this variable with this value. */
  marked(variable: string, value: string, among: readonly Process[]): Process[];
}

/** The table that this system has. */
export function systemTable(): ProcessTable {
  if (Deno.build.os !== "linux") return psTable(runProgram);
  return readProc(Deno.pid, "stat") === null ? listedProcTable(runProgram) : procTable;
}

const BOOT = "/proc/sys/kernel/random/boot_id";

const procTable: ProcessTable = {
  boot: () => readText(BOOT)?.trim() ?? "",
  process: (pid) => fromStat(pid, readProc(pid, "stat")),
  all() {
    const found: Process[] = [];
    for (const { name } of Deno.readDirSync("/proc")) {
      const pid = Number(name);
      const one = Number.isInteger(pid) ? fromStat(pid, readProc(pid, "stat")) : null;
      if (one !== null) found.push(one);
    }
    return found;
  },
  marked(variable, value, among) {
    const mark = `${variable}=${value}`;
    return among.filter(({ pid }) => readProc(pid, "environ")?.split("\0").includes(mark) === true);
  },
};

/** /proc as other programs read it. */
export function listedProcTable(run: Lister): ProcessTable {
  let boot: string | null = null;
  return {
    boot: () => boot ??= run("cat", [BOOT])?.trim() ?? "",
    process: (pid) => fromStat(pid, run("cat", [`/proc/${pid}/stat`])),
    all() {
      const text = run("sh", ["-c", "cat /proc/[0-9]*/stat"]) ?? "";
      return text.split("\n").map((line) => fromStat(Number(/^\d+/.exec(line)?.[0]), line))
        .filter((one) => one !== null);
    },
    marked(variable, value, among) {
      const paths = among.map(({ pid }) => `/proc/${pid}/environ`);
      // Whole variables, as they are; the names of the files that have this one.
      const words = ["-lszxF", "-e", `${variable}=${value}`, "--", ...paths];
      const found = new Set((paths.length === 0 ? "" : run("grep", words) ?? "").split(/[\n\0]/));
      return among.filter(({ pid }) => found.has(`/proc/${pid}/environ`));
    },
  };
}

/** Reads `/proc/PID/stat`: the name in parentheses may hold anything, what counts stands behind it. */
export function fromStat(pid: number, stat: string | null): Process | null {
  if (stat === null || !Number.isSafeInteger(pid)) return null;
  const [state = "Z", , pgid, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const start = rest[16];
  if (pgid === undefined || start === undefined || state === "Z" || state === "X") return null;
  return { pid, pgid: Number(pgid), start };
}

function readProc(pid: number, name: string): string | null {
  return readText(`/proc/${pid}/${name}`);
}

function readText(path: string): string | null {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    // Ended, another user's, or not permitted: nothing is known then.
    return null;
  }
}

/** Runs a program that lists; null if it cannot be run. What it does not find it leaves out. */
export type Lister = (program: string, args: readonly string[]) => string | null;

function runProgram(program: string, args: readonly string[]): string | null {
  try {
    const { stdout } = new Deno.Command(program, {
      args: [...args],
      env: { LC_ALL: "C" },
      stdin: "null",
      stderr: "null",
    }).outputSync();
    return new TextDecoder().decode(stdout);
  } catch {
    return null;
  }
}

const COLUMNS = "pid=,pgid=,state=,lstart=";

/** The table by `ps`: start times are in whole seconds, which is as exact as it tells. */
export function psTable(run: Lister): ProcessTable {
  return {
    boot: () => run("sysctl", ["-n", "kern.bootsessionuuid"])?.trim() ?? "",
    process: (pid) => psRows(run("ps", ["-o", COLUMNS, "-p", String(pid)]))[0] ?? null,
    all: () => psRows(run("ps", ["-A", "-o", COLUMNS])),
    marked(variable, value, among) {
      // `-E` puts the environment behind the command, on systems without /proc.
      const text = run("ps", ["-A", "-E", "-ww", "-o", "pid=,command="]) ?? "";
      const mark = ` ${variable}=${value}`;
      const pids = new Set(
        text.split("\n").filter((line) => `${line} `.includes(`${mark} `))
          .map((line) => Number(line.trim().split(/\s+/)[0])),
      );
      return among.filter(({ pid }) => pids.has(pid));
    },
  };
}

function psRows(text: string | null): Process[] {
  const found: Process[] = [];
  for (const line of (text ?? "").split("\n")) {
    const [pid, pgid, state = "Z", ...start] = line.trim().split(/\s+/);
    if (pid === undefined || pgid === undefined || start.length === 0) continue;
    if (state.startsWith("Z")) continue;
    found.push({ pid: Number(pid), pgid: Number(pgid), start: start.join(" ") });
  }
  return found;
}
