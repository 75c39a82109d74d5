// An agent that acts by a scenario instead of a model. Started under the name `claude` it speaks Claude
// Code's stream as the real one does: it takes user messages from its input, answers each turn with a
// result, and leaves at the end of its input. Under any other name it takes its prompt from its last
// argument or its input, and speaks lines of text. The scenario is JSON in the file that FAKE_AGENT
// names; tests/agent/scenario.ts has its words.

import { FakeMcp } from "./fake_mcp.ts";
import { pick, type Scenario, type Step } from "./scenario.ts";

const SESSION = argument("--session-id") ?? argument("--resume") ?? crypto.randomUUID();
const SCENARIO = Deno.env.get("FAKE_AGENT") ?? "";
const STREAM = Deno.args.includes("--input-format");
const MODEL = argument("--model") ?? "fake-model";

function argument(flag: string): string | null {
  const at = Deno.args.indexOf(flag);
  return at < 0 ? null : Deno.args[at + 1] ?? null;
}

/** What came on the input and was not taken yet. */
const heard: string[] = [];
let inputEnded = false;
let wake: () => void = () => {};

async function listen(): Promise<void> {
  let rest = "";
  for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) heard.push(STREAM ? said(line) : line);
    wake();
  }
  if (rest !== "") heard.push(rest);
  inputEnded = true;
  wake();
}

function said(line: string): string {
  const { message } = JSON.parse(line) as { message: { content: unknown } };
  if (typeof message.content === "string") return message.content;
  return (message.content as { text: string }[]).map(({ text }) => text).join("\n");
}

/** The next message; null at the end of the input. */
async function next(): Promise<string | null> {
  while (heard.length === 0 && !inputEnded) await new Promise<void>((done) => wake = done);
  return heard.shift() ?? null;
}

function put(text: string): void {
  const bytes = new TextEncoder().encode(text);
  for (let done = 0; done < bytes.length;) done += Deno.stdout.writeSync(bytes.subarray(done));
}

function emit(line: Record<string, unknown>): void {
  put(`${JSON.stringify({ ...line, session_id: SESSION })}\n`);
}

let answers = 0;
let tokens = 0;

function speak(block: Record<string, unknown>, used = 0): void {
  answers++;
  tokens += used;
  const usage = { input_tokens: used, output_tokens: 0 };
  const message = {
    id: `msg_${answers}`,
    role: "assistant",
    model: MODEL,
    content: [block],
    usage,
  };
  emit({ type: "assistant", message });
}

function answer(id: string, content: string, failed = false): void {
  const block = { type: "tool_result", tool_use_id: id, content, is_error: failed };
  emit({ type: "user", message: { role: "user", content: [block] } });
}

function result(fields: Record<string, unknown> = {}): void {
  emit({
    type: "result",
    subtype: "success",
    is_error: false,
    result: "done",
    num_turns: answers,
    total_cost_usd: tokens / 1_000_000,
    usage: { input_tokens: tokens, output_tokens: 0 },
    duration_ms: 1,
    permission_denials: [],
    queued_turn_count: heard.length,
    ...fields,
  });
}

const mcp = new FakeMcp(argument("--mcp-config"));
let calls = 0;

/** A call of a tool, with what it gives. */
async function call(name: string, input: unknown, body: () => Promise<string>): Promise<void> {
  const id = `toolu_${++calls}`;
  if (STREAM) speak({ type: "tool_use", id, name, input });
  try {
    const text = await body();
    if (STREAM) answer(id, text);
    else put(`${text}\n`);
  } catch (thrown) {
    const text = thrown instanceof Error ? thrown.message : String(thrown);
    if (STREAM) answer(id, text, true);
    else put(`${text}\n`);
  }
}

async function run(argv: readonly string[], env: Record<string, string> = {}): Promise<string> {
  const [program = "", ...args] = argv;
  const command = new Deno.Command(program, { args, env, stdin: "null" });
  const { code, stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  const text = decoder.decode(stdout) + decoder.decode(stderr);
  if (code !== 0) throw new Error(`exit ${code}: ${text}`);
  return text;
}

async function write(path: string, text: string, append = false): Promise<void> {
  await call("Write", { file_path: path, content: text }, async () => {
    const folder = path.replace(/\/?[^/]*$/, "");
    if (folder !== "") await Deno.mkdir(folder, { recursive: true });
    await Deno.writeTextFile(path, text, { append });
    return `wrote ${path}`;
  });
}

/** Starts processes that outlive us unless somebody ends them. */
function fork(step: Step & { do: "fork" }): void {
  const trap = step.deaf === true ? "trap '' TERM HUP INT; " : "";
  const tell = step.tell === undefined ? "" : `echo $$ >> '${step.tell}'; `;
  // Not for ever, should a test fail to end it: only as long as its scenario is there.
  const body = `${trap}${tell}while [ -e '${SCENARIO}' ]; do sleep 1; done`;
  const out = step.holdOutput === true ? "inherit" : "null";
  const args = step.ownGroup === true ? ["setsid", "sh", "-c", body] : ["sh", "-c", body];
  const [program = "sh", ...rest] = step.cleanEnv === true ? ["env", "-i", ...args] : args;
  for (let i = 0; i < (step.count ?? 1); i++) {
    new Deno.Command(program, { args: rest, stdin: "null", stdout: out, stderr: out }).spawn()
      .unref();
  }
}

/** Does a step; true when the turn is over with it. */
async function act(step: Step): Promise<boolean> {
  switch (step.do) {
    case "say":
      if (STREAM) speak({ type: "text", text: step.text }, step.tokens);
      else put(`${step.text}\n`);
      return false;
    case "write":
      await write(step.path, step.text, step.append);
      return false;
    case "run":
      await call("Bash", { command: step.argv.join(" ") }, () => run(step.argv, step.env));
      return false;
    case "tool":
      await call(step.name, step.input ?? {}, () => Promise.resolve(step.answer ?? "ok"));
      return false;
    case "mcp":
      await call(
        `mcp__skein__${step.name}`,
        step.input ?? {},
        () => mcp.call(step.name, step.input),
      );
      return false;
    case "hear":
      if (STREAM) speak({ type: "text", text: `heard: ${await next()}` });
      return false;
    case "queue":
      while (heard.length < step.count) await pause(5);
      return false;
    case "wait":
      while (!await Deno.stat(step.file).then(() => true, () => false)) await pause(10);
      return false;
    case "pause":
      await pause(step.ms);
      return false;
    case "hang":
      return await forever();
    case "deaf":
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
        Deno.addSignalListener(signal, () => {});
      }
      return false;
    case "fork":
      fork(step);
      return false;
    case "junk":
      put(step.text);
      return false;
    case "huge":
      put(`${"x".repeat(step.bytes)}\n`);
      return false;
    case "complain":
      Deno.stderr.writeSync(new TextEncoder().encode(`${step.text}\n`));
      return false;
    case "limit":
      emit({
        type: "rate_limit_event",
        rate_limit_info: {
          status: "rejected",
          resetsAt: step.resetsAtS ?? Math.floor(Date.now() / 1_000) + (step.inS ?? 60),
          rateLimitType: "five_hour",
        },
      });
      result({ is_error: true, result: "You've hit your session limit", api_error_status: 429 });
      return true;
    case "result":
      result(step.fields);
      return true;
    case "exit":
      mcp.close();
      Deno.exit(step.code);
  }
}

/** As long as the scenario is there. */
async function forever(): Promise<boolean> {
  while (await Deno.stat(SCENARIO).then(() => true, () => false)) await pause(1_000);
  return true;
}

function pause(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

/** One turn: the steps, and a success at the end unless they say otherwise. */
async function turn(steps: readonly Step[]): Promise<number> {
  for (const step of steps) {
    if (await act(step)) return step.do === "limit" || failedBy(step) ? 1 : 0;
  }
  if (STREAM) result();
  return 0;
}

function failedBy(step: Step): boolean {
  return step.do === "result" && step.fields?.is_error === true;
}

if (import.meta.main) {
  const scenario = JSON.parse(Deno.readTextFileSync(SCENARIO)) as Scenario;
  void listen();
  let code = 0;
  if (STREAM) {
    if (scenario.silent !== true) {
      emit({ type: "system", subtype: "init", model: MODEL, tools: ["Bash"], mcp_servers: [] });
    }
    for (let said = await next(); said !== null; said = await next()) {
      code = await turn(pick(scenario, SCENARIO, said));
    }
    // As the real one does, unless it is told to stay.
    if (scenario.stays === true) await forever();
  } else {
    const words = [...Deno.args];
    for (let line = await next(); line !== null; line = await next()) words.push(line);
    code = await turn(pick(scenario, SCENARIO, words.join("\n")));
  }
  mcp.close();
  Deno.exit(code);
}
