// How well the filter tells attacks from everyday text, as two rates over texts written without
// looking at it. A miss or a refusal is named with its place, so that one can look and decide who
// is wrong: the filter or the pile.

import { assert, assertEquals } from "@std/assert";
import { inspect, neutralise } from "../../src/filter/filter.ts";
import { loadCorpus, type Sample } from "./corpus.ts";

const { hostile, ordinary } = loadCorpus();
const MISSED_AT_MOST = 0.01;
const REFUSED_AT_MOST = 0.002;
const SHOWN = 20;

function percent(part: number, whole: number): string {
  return `${(100 * part / whole).toFixed(1)} %`;
}

/** Fails with at most so many of the samples, each with its beginning. */
function report(what: string, samples: readonly Sample[], why = ""): string {
  const lines = samples.slice(0, SHOWN).map(({ name, text }) =>
    `  ${name}: ${JSON.stringify(text.slice(0, 120))}`
  );
  return [`${what}: ${samples.length} ${why}`.trimEnd(), ...lines].join("\n");
}

Deno.test("filter corpus: is large, and no text stands in it twice", () => {
  assert(hostile.length >= 300, `${hostile.length} hostile texts`);
  assert(ordinary.length >= 1000, `${ordinary.length} ordinary texts`);
  const all = [...hostile, ...ordinary].map(({ text }) => text);
  assertEquals(new Set(all).size, all.length);
});

Deno.test("filter corpus: finds the hostile texts and lets the ordinary ones pass", () => {
  const missed = hostile.filter(({ text }) => inspect(text).length === 0);
  const refused = ordinary.filter(({ text }) => inspect(text).length > 0);
  const line = `filter corpus: ${hostile.length} hostile, ${missed.length} missed ` +
    `(${percent(missed.length, hostile.length)}); ${ordinary.length} ordinary, ` +
    `${refused.length} refused (${percent(refused.length, ordinary.length)})\n`;
  Deno.stdout.writeSync(new TextEncoder().encode(line));
  const why = refused.slice(0, SHOWN)
    .map(({ name, text }) => `  ${name}: ${JSON.stringify(inspect(text)[0])}`);
  assert(
    missed.length <= hostile.length * MISSED_AT_MOST &&
      refused.length <= ordinary.length * REFUSED_AT_MOST,
    [report("missed", missed), report("refused", refused), ...why].join("\n"),
  );
});

Deno.test("filter corpus: a hostile text is made clean, is labelled, and stays as it then is", () => {
  const unclean: Sample[] = [];
  const unlabelled: Sample[] = [];
  const restless: Sample[] = [];
  for (const sample of hostile) {
    if (inspect(sample.text).length === 0) continue;
    const once = neutralise(sample.text);
    if (inspect(once.text).length > 0) unclean.push(sample);
    if (once.signs.length === 0 || once.text === sample.text) unlabelled.push(sample);
    const twice = neutralise(once.text);
    if (twice.text !== once.text || twice.signs.length > 0) restless.push(sample);
  }
  assertEquals(unclean.length, 0, report("still hostile", unclean));
  assertEquals(unlabelled.length, 0, report("without a sign", unlabelled));
  assertEquals(restless.length, 0, report("changed a second time", restless));
});

Deno.test("filter corpus: an ordinary text comes back as the very same string", () => {
  const changed = ordinary.filter(({ text }) =>
    inspect(text).length === 0 && neutralise(text).text !== text
  );
  assertEquals(changed.length, 0, report("changed", changed));
  const signed = ordinary.filter(({ text }) =>
    (neutralise(text).signs.length > 0) !== (inspect(text).length > 0)
  );
  assertEquals(signed.length, 0, report("inspect and neutralise disagree", signed));
});
