// Several processes that do the same at the same time: each says when it is ready, all start at
// one word, and each answers with one JSON value. They end when their standard input does.

import { fromFileUrl } from "@std/path";
import { testEnv } from "../support/peer.ts";
import type { Place } from "./place.ts";

/** What a crew member is told; `task` names a job of crew_member.ts. */
export interface Job {
  readonly task: string;
  readonly home: string;
  readonly folder: string;
  readonly name: string;
  readonly [detail: string]: string | number | boolean;
}

const MEMBER = fromFileUrl(new URL("./crew_member.ts", import.meta.url));
/** Processes that start at the same time: more only wait for each other. */
const STARTING = 4;

interface Member {
  readonly child: Deno.ChildProcess;
  readonly writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly lines: AsyncIterator<string>;
}

export class Crew {
  readonly #members: readonly Member[];

  private constructor(members: readonly Member[]) {
    this.#members = members;
  }

  /** Starts one process for each job and waits until all are ready. */
  static async start(place: Place, jobs: readonly Job[]): Promise<Crew> {
    const members: Member[] = [];
    for (let from = 0; from < jobs.length; from += STARTING) {
      const some = jobs.slice(from, from + STARTING).map((job) => spawn(place, job));
      members.push(...some);
      for (const member of some) await nextLine(member);
    }
    return new Crew(members);
  }

  get pids(): number[] {
    return this.#members.map((member) => member.child.pid);
  }

  /** Lets all of them start, and collects what each answers. */
  async go<T>(): Promise<T[]> {
    const word = new TextEncoder().encode("go\n");
    for (const { writer } of this.#members) await writer.write(word);
    const answers: T[] = [];
    for (const member of this.#members) answers.push(JSON.parse(await nextLine(member)) as T);
    return answers;
  }

  /** Ends all of them. */
  async end(): Promise<void> {
    for (const { writer } of this.#members) await writer.close().catch(() => {});
    await Promise.all(this.#members.map(({ child }) => child.status));
  }
}

function spawn(place: Place, job: Job): Member {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", "--quiet", MEMBER, JSON.stringify(job)],
    cwd: job.folder,
    env: testEnv({}),
    clearEnv: true,
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  place.adopt(child);
  return { child, writer: child.stdin.getWriter(), lines: linesOf(child.stdout) };
}

async function nextLine(member: Member): Promise<string> {
  const { value, done } = await member.lines.next();
  if (done === true) throw new Error("a process of the benchmark ended before its answer");
  return value;
}

/** The lines of a stream. */
export async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string, void> {
  let rest = "";
  for await (const chunk of stream.pipeThrough(new TextDecoderStream())) {
    rest += chunk;
    const lines = rest.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}
