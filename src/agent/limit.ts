// Usage limits in the words in which agents tell them: whether a text is one, and when it ends. Only
// what a client says in its own name is read here, never what a model writes.

import { LIMITS } from "../core/limits.ts";
import { excerpt, head } from "../core/text.ts";
import type { AgentEvent } from "./event.ts";

const LIMIT =
  /(?:usage|session|weekly|monthly|daily|spend|spending|hour|rate|opus|sonnet|quota)[ -]*limits?(?: (?:was |is |has been )?(?:reached|exceeded|hit))|hit (?:your|the) [^\n]{0,40}limit|out of (?:usage|extra usage|credits)|quota (?:exceeded|exhausted)|too many requests|\b429\b[^\n]{0,200}rate|rate_limit_error|RESOURCE_EXHAUSTED/i;

/** The limit that a text tells of, as an event; none if it tells of none. `sure`: it does, whatever its words. */
export function limitIn(said: string, nowMs: number, sure = false): AgentEvent[] {
  const text = head(said, LIMITS.noteChars);
  if (!sure && !LIMIT.test(text)) return [];
  return [{
    kind: "limit",
    resetsAtMs: resetIn(text, nowMs),
    text: excerpt(text.trim(), LIMITS.agentExcerptChars),
  }];
}

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/**
 * When a limit ends, in milliseconds since 1970; null where the text does not tell. Read are a number
 * of seconds since 1970 behind a bar, an ISO time, "resets in 2h 5m", and "resets [Oct 9, ]3[:30]pm
 * [(Zone)]", the next such time.
 */
export function resetIn(said: string, nowMs: number): number | null {
  const [, seconds] = /\|\s*(\d{9,13})\b/.exec(said) ?? [];
  if (seconds !== undefined) return Number(seconds) * (seconds.length > 11 ? 1 : 1_000);
  const [, isoTime] =
    /(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d))/.exec(said) ??
      [];
  if (isoTime !== undefined && !Number.isNaN(Date.parse(isoTime))) return Date.parse(isoTime);
  const [, span] =
    /(?:resets?|again|retry|wait)\b[^\n]{0,20}?\b(?:in|after)\s+((?:\d+(?:\.\d+)?\s*[a-z]+[ ,]*)+)/i
      .exec(said) ?? [];
  const spanMs = span === undefined ? 0 : spanOf(span);
  if (spanMs > 0) return nowMs + spanMs;
  return clockTime(said, nowMs);
}

/** "2h 5m", "30 seconds" in milliseconds; 0 if it is none. */
function spanOf(said: string): number {
  let ms = 0;
  for (const [, count = "", unit = ""] of said.matchAll(/(\d{1,9}(?:\.\d{1,9})?)\s*([a-z]+)/gi)) {
    const factor = /^(d|days?)$/i.test(unit)
      ? 86_400_000
      : /^(h|hrs?|hours?)$/i.test(unit)
      ? 3_600_000
      : /^(m|mins?|minutes?)$/i.test(unit)
      ? 60_000
      : /^(s|secs?|seconds?)$/i.test(unit)
      ? 1_000
      : 0;
    if (factor === 0) break;
    ms += Number(count) * factor;
  }
  return ms;
}

function clockTime(said: string, nowMs: number): number | null {
  const match =
    /resets?(?: at)?(?: on)? (?:([a-z]{3})[a-z]* (\d{1,2})(?:,| at)? )?(\d{1,2})(?::(\d\d))? ?([ap]m)(?: \(([\w/+-]+)\))?/i
      .exec(said);
  if (match === null) return null;
  const [, month, day, hour = "0", minute = "0", half = "", zone] = match;
  const wanted = (Number(hour) % 12 + (half.toLowerCase() === "pm" ? 12 : 0)) * 60 + Number(minute);
  if (Number(hour) > 12 || Number(minute) > 59) return null;
  const monthAt = month === undefined ? null : MONTHS.indexOf(month.toLowerCase());
  if (monthAt === -1) return null;
  // Quarter by quarter of an hour through the next year: zones, seasons and leap days as they are.
  const parts = partsIn(zone);
  const start = Math.ceil(nowMs / 60_000) * 60_000;
  const first = parts(start);
  let at = start + (((wanted - first.minutes) % 1_440 + 1_440) % 1_440) * 60_000;
  for (let days = 0; days < 370; days++, at += 86_400_000) {
    const seen = parts(at);
    // A change of the clocks on the way.
    const off = ((wanted - seen.minutes + 720) % 1_440 + 1_440) % 1_440 - 720;
    const exact = at + off * 60_000;
    const date = off === 0 ? seen : parts(exact);
    if (monthAt === null || (date.month === monthAt && date.day === Number(day))) return exact;
  }
  return null;
}

/** Minutes since midnight, day and month of a time, in a zone; the machine's own if it is unknown. */
function partsIn(zone: string | undefined): (atMs: number) => {
  minutes: number;
  day: number;
  month: number;
} {
  const options: Intl.DateTimeFormatOptions = {
    hourCycle: "h23",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
  };
  let format: Intl.DateTimeFormat;
  try {
    format = new Intl.DateTimeFormat("en-US", {
      ...options,
      ...(zone === undefined ? {} : { timeZone: zone }),
    });
  } catch {
    format = new Intl.DateTimeFormat("en-US", options);
  }
  return (atMs) => {
    const parts = new Map(
      format.formatToParts(atMs).map(({ type, value }) => [type, Number(value)]),
    );
    const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
    return {
      minutes: part("hour") * 60 + part("minute"),
      day: part("day"),
      month: part("month") - 1,
    };
  };
}
