// Phrases that ask a reader to change whose word counts. No attack that could be made harmless by
// writing it differently, and people do write about such phrases: a reason to read with care.

import { folded, isFoldable } from "./fold.ts";
import { plainView } from "./view.ts";

/** Words of which every phrase below has one; most texts have none. */
const WORDS = new RegExp(
  "ignor|disregard|forget|overrid|you\\s+are\\s+now|system\\s+(?:prompt|instruction|message)" +
    "|\\b(?:user|human|operator|admin|root|superuser)",
  "i",
);

const DROP = "\\b(?:ignore|disregard|forget|override)\\s+";
const FILL = "(?:(?:all|any|every|each|of|the|your|my|its|these|those|other)\\s+){0,4}";
const EARLIER = "(?:previous|prior|above|preceding|foregoing|earlier|existing|original|initial)";
const ORDERS =
  "(?:instructions?|prompts?|rules|guidelines|directives|directions|constraints|programming)\\b";
const ROLE =
  "(?:administrator|admin|operator|root|superuser|dan|jailbroken|unrestricted|uncensored)\\b";

const PHRASES: readonly (readonly [string, string])[] = [
  [
    `${DROP}${FILL}(?:${EARLIER}\\s+(?:(?:and|or|system|developer|user|${EARLIER})\\s+){0,2}` +
    `${ORDERS}|(?:system|developer)\\s+(?:${ORDERS})|${ORDERS.slice(0, -2)}\\s+` +
    "(?:above|before\\s+this|you\\s+(?:were|have\\s+been|got)))",
    "asks to ignore earlier instructions",
  ],
  [
    `${DROP}(?:all\\s+(?:of\\s+)?)?your\\s+(?:\\w+\\s+)?${ORDERS}` +
    `|${DROP}all\\s+(?:of\\s+)?(?:the\\s+)?(?:instructions|prompts|directives)\\b` +
    `|${DROP}(?:everything|anything|all|what)\\s+(?:that\\s+)?you\\s+(?:were|have\\s+been)\\s+told`,
    "asks to ignore earlier instructions",
  ],
  [
    "\\byou\\s+are\\s+now\\s+(?:an?\\s+|the\\s+|my\\s+)?(?:new\\s+|different\\s+|system\\s+)?(?:" +
    `${ROLE}|(?:ai|chatbot|language\\s+model|assistant)\\b|(?:in\\s+)?(?:developer|god)\\s+mode)`,
    "gives the reader another role",
  ],
  [
    `\\b(?:act|behave|respond|answer)\\s+as\\s+(?:if\\s+you\\s+(?:were|are)\\s+)?` +
    `(?:an?\\s+|the\\s+|my\\s+|your\\s+)?(?:system\\s+)?` +
    "(?:administrator|admin|operator|root|superuser)\\b(?!\\s+of\\b)",
    "gives the reader another role",
  ],
  [
    "\\b(?:new|updated|revised)\\s+system\\s+(?:prompts?|instructions?|messages?)\\b",
    "speaks of a new system prompt",
  ],
  [
    "\\b(?:do\\s+not|don'?t|never|without)\\s+(?:ever\\s+)?" +
    "(?:tell|telling|inform|informing|let)\\s+" +
    "(?:the\\s+|your\\s+|any\\s+|a\\s+)?(?:users?|humans?|operator)\\b" +
    "|\\b(?:hide|conceal|keep)\\s+(?:this|it|that)\\s+(?:secret\\s+)?from\\s+" +
    "(?:the\\s+|your\\s+)?" +
    "(?:users?|humans?|operator)\\b" +
    "|\\b(?:do\\s+not|don'?t|never|without)\\s+mention(?:ing)?\\s+(?:this|it|that)\\s+to\\s+" +
    "(?:the\\s+|your\\s+)?(?:users?|humans?|operator)\\b",
    "asks to keep something from the user",
  ],
  [
    "\\b(?:reveal|leak|disclose|repeat|dump|exfiltrate)\\s+(?:me\\s+|us\\s+)?(?:your|the|its)\\s+" +
    "(?:\\w+\\s+){0,2}system\\s+(?:prompt|instructions?|message)" +
    "|\\b(?:print|show|output|send|tell|give|share)\\s+(?:me\\s+|us\\s+)?your\\s+" +
    "(?:\\w+\\s+){0,2}system\\s+(?:prompt|instructions?|message)",
    "asks for the system prompt",
  ],
];

let patterns: readonly (readonly [RegExp, string])[] | null = null;

/**
 * Why a text should be read with caution though it is no clear attack ("asks to ignore
 * instructions" etc.), or null.
 */
export function suspicion(text: string): string | null {
  const plain = isFoldable(text) ? folded(plainView(text)).text : text;
  if (!WORDS.test(plain)) return null;
  patterns ??= PHRASES.map(([source, reason]) => [new RegExp(source, "i"), reason] as const);
  for (const [pattern, reason] of patterns) if (pattern.test(plain)) return reason;
  return null;
}
