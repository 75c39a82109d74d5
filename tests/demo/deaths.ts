// The scenes in which somebody is killed, and comes back.

import { expect, measure, type Scene, seat, type Started, working } from "./story.ts";
import type { Member } from "./stage.ts";

/** A worker dies with a task and a lock in its hands; both are somebody else's soon after. */
export async function workerDies(scene: Scene, started: readonly Started[]): Promise<void> {
  const { stage, account, times } = scene;
  account.part("A worker is killed in the middle of its task (kill -9)");
  const leader = seat(stage).name;
  const victim = started.find(({ member }) => member.name !== leader);
  const [heir, waiter] = started.filter((one) => one !== victim);
  if (victim === undefined || heir === undefined || waiter === undefined) return;
  const { member, task } = victim;
  const paths = ["src/shared/"];
  await member.peer.ok("lock_file", { paths, task: task.id });
  await member.peer.ok("update_task", { id: task.id, progress: "parser done, printer missing" });
  account.tell(member.name, `works on ${task.id} and holds ${paths[0]}`);
  await heir.member.peer.ok("complete_task", { id: heir.task.id, summary: "done early" });
  const nothing = await heir.member.peer.ok("claim_task");
  expect(nothing.task === null, "there was something to claim");
  account.tell(heir.member.name, `completed ${heir.task.id}; nothing else is ready`);
  const lock = waiter.member.peer.ok("lock_file", { paths, wait_ms: 15_000 });
  await working(50);
  const killedMs = performance.now();
  stage.kill(member);
  account.tell(member.name, account.paint("red", `killed, pid ${member.peer.pid}`));
  const lockMs = lock.then(() => performance.now() - killedMs);
  const { value, ms } = await measure("the task of the dead", async () => {
    const answer = await heir.member.peer.ok("claim_task");
    return answer.task === null ? null : answer;
  }, killedMs);
  times["dead_workers_task_claimed"] = ms;
  times["dead_workers_lock_granted"] = await lockMs;
  expect(value.task.id === task.id, `${value.task.id} was free, not ${task.id}`);
  account.tell(
    heir.member.name,
    `claims ${task.id} ${account.ms(ms)} later, attempt 2, and reads:`,
  );
  const note = value.task.notes?.at(-1)?.text ?? "";
  expect(note.includes("printer missing"), `the handover says: ${note}`);
  account.tell("", `"${note.length > 130 ? `${note.slice(0, 130)}...` : note}"`);
  const lockText = account.ms(times["dead_workers_lock_granted"]);
  account.tell(waiter.member.name, `got the lock on ${paths[0]} ${lockText} after the death`);
}

/** Whoever leads is killed. The others go on: nothing has to be started again. */
export async function leaderDies(scene: Scene): Promise<Member> {
  const { stage, account, times } = scene;
  account.part("The leader is killed (kill -9)");
  const before = seat(stage);
  const leader = stage.member(before.name);
  expect(leader.alive, `${leader.name} leads and is dead`);
  account.tell(leader.name, `leads, epoch ${before.epoch}, pid ${leader.peer.pid}`);
  const killedMs = performance.now();
  stage.kill(leader);
  account.tell(leader.name, account.paint("red", "killed"));
  const asked = stage.living.map(async ({ name, peer }) => {
    const beginMs = performance.now();
    await peer.ok("list_tasks");
    return { name, ms: performance.now() - beginMs };
  });
  const { value, ms } = await measure("a new leader", () => {
    const now = seat(stage);
    return now.epoch > before.epoch && now.name !== before.name ? now : null;
  }, killedMs);
  times["another_leads"] = ms;
  account.tell(value.name, `leads ${account.ms(ms)} later, epoch ${value.epoch}`);
  for (const { name, ms: tookMs } of await Promise.all(asked)) {
    account.tell(name, `called a tool at that moment: answered in ${account.ms(tookMs)}`);
  }
  const [witness] = stage.living;
  const told = await measure("a survivor naming the new leader", async () => {
    const status = await witness?.peer.ok("status");
    return status.leader?.name === value.name ? status : null;
  }, killedMs);
  times["survivor_names_new_leader"] = told.ms;
  return leader;
}

/** The killed sessions are resumed: the same peers again, with the mail that waited for them. */
export async function bothReturn(scene: Scene, leader: Member): Promise<void> {
  const { stage, account, times } = scene;
  account.part("Mail for the dead waits; their sessions come back under their names");
  const [sender] = stage.living;
  const content = "When you are back: the flock went on.";
  const sent = await sender?.peer.ok("send", { to: [leader.name], content });
  expect(sent.to[leader.name] === "queued", `mail to the dead is ${sent.to[leader.name]}`);
  account.tell(sender?.name ?? "", `writes to ${leader.name}: queued`);
  for (const { name } of stage.killed) {
    const member = stage.member(name);
    const beginMs = performance.now();
    await stage.comeBack(member);
    const joined = await member.peer.ok("join");
    times[`${name === leader.name ? "leader" : "worker"}_back`] = performance.now() - beginMs;
    expect(joined.you.name === name, `${name} came back as ${joined.you.name}`);
    const role = joined.you.role;
    const lost = joined.lost.length === 0 ? "" : `; lost: ${joined.lost.join(", ")}`;
    account.tell(name, `is back as ${role}, pid ${member.peer.pid}${lost}`);
    if (name !== leader.name) continue;
    const messages = joined.mail?.messages ?? [];
    const found = messages.some((one: { content: string }) => one.content === content);
    expect(found, "the mail that waited was not delivered");
    account.tell(name, `finds its mail: "${content}"`);
  }
}
