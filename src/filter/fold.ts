// Characters that look alike become one. A model reads a fullwidth, mathematical or Cyrillic letter
// as the Latin one it looks like, and does not see what has no width; folding does the same.
// Character by character, so that every folded character still knows where it comes from. Pure.

import { type Edit, edited, type View } from "./view.ts";

/** What compatibility normalisation leaves apart: first the plain character, then its doubles. */
const DOUBLES: readonly string[] = [
  // Brackets and marks. The white brackets U+27E6, U+27E7, U+2983 and U+2984 are not here: they
  // are what harmless text is written with.
  "<\u2039\u3008\u27e8\u276e\u276c\u2770\u1438\u02c2\u29fc\u227a\u22d6\u16b2",
  ">\u203a\u3009\u27e9\u276f\u276d\u2771\u1433\u02c3\u29fd\u227b\u22d7",
  "{\u2774",
  "}\u2775",
  "[\u3010\u2772\u3014\u2045",
  "]\u3011\u2773\u3015\u2046",
  "/\u2044\u2215\u29f8\u2571\u27cb",
  "\\\u2216\u29f5\u29f9\u2572",
  "|\u2502\u01c0\u2223\u2758\u2d4f\u23d0\u05c0\u2503",
  "_\u2581\u02cd\u2017",
  "-\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043",
  ":\u2236\ua789\u02d0\u0589\u05c3\ufe55",
  '"\u201c\u201d\u201e\u201f\u02ba\u05f4',
  "'\u2018\u2019\u201a\u201b\u02b9\u02bc\u2032\u05f3",
  "=\ua78a\u2550\u2e40",
  "%\u066a",
  " \u2800",
  "\n\u0085\u2028\u2029",
  // Letters: Cyrillic, Greek, Armenian, small capitals and the like.
  "a\u0430\u03b1\u0251\u1d00\u237a",
  "b\u0432\u044c\u0299\u0184\u0185",
  "c\u0441\u03f2\u03c2\u1d04\u2ca5\u0188",
  "d\u0501\u1d05\u0257\u0111\u146f",
  "e\u0435\u0454\u03b5\u1d07\u025b\u04bd\u212e",
  "f\u0584\ua730\u0192\u017f\u0493",
  "g\u0261\u0581\u0262\u018d",
  "h\u043d\u04bb\u0570\u029c\u0127",
  "i\u0456\u03b9\u0131\u026a\u0269\u0582",
  "j\u0458\u03f3\u0575\u1d0a",
  "k\u043a\u03ba\u1d0b",
  "l\u04cf\u056c\u029f\u0142\u019a\u05d5\u05df",
  "m\u043c\u1d0d",
  "n\u043f\u03b7\u0578\u057c\u0274\u0273",
  "o\u043e\u03bf\u03c3\u0585\u1d0f\u00f8\u2c9f\u0e50\u05e1\u0647",
  "p\u0440\u03c1\u1d18\u2ca3\u03f8\u00fe",
  "q\u051b\u0566",
  "r\u0433\u0280\u1d26\u0453",
  "s\u0455\ua731\u01bd",
  "t\u0442\u03c4\u1d1b\u0167",
  "u\u03c5\u057d\u1d1c\u0446\u028b",
  "v\u03bd\u0475\u1d20",
  "w\u051d\u03c9\u0461\u1d21\u0561\u026f",
  "x\u0445\u03c7\u04b3",
  "y\u0443\u03b3\u04af\u028f\u0263",
  "z\u1d22\u0290",
  "A\u0410\u0391\u13aa\ua4ee",
  "B\u0412\u0392\u13f4\ua4d0\u13fc",
  "C\u0421\u03f9\u13df\ua4da\u2ca4",
  "D\u13a0\ua4d3\u0110",
  "E\u0415\u0395\u13ac\ua4f0\u0404",
  "F\u03dc\ua4dd",
  "G\u050c\u13c0\ua4d6",
  "H\u041d\u0397\u13bb\ua4e7",
  "I\u0406\u0399\u04c0\ua4f2",
  "i\u13a5",
  "J\u0408\u13ab\ua4d9\u037f",
  "K\u041a\u039a\u13e6\ua4d7",
  "L\u13de\ua4e1\u0141\u053c",
  "M\u041c\u039c\u13b7\ua4df",
  "N\u039d\ua4e0",
  "O\u041e\u039f\ua4f3\u0555\u00d8",
  "P\u0420\u03a1\u13e2\ua4d1",
  "R\u13a1\u13d2\ua4e3",
  "S\u0405\u13da\ua4e2\u054f",
  "T\u0422\u03a4\u13a2\ua4d4",
  "U\u054d\ua4f4",
  "V\u0474\u13d9\ua4e6",
  "W\u051c\u13b3\u13d4\ua4ea",
  "X\u0425\u03a7\ua4eb",
  "Y\u0423\u03a5\u13bd\ua4ec",
  "Z\u0396\u13c3\ua4dc",
];

/** Without a look of their own: format and control characters, accents, variation selectors. */
const UNSEEN = /^[\p{Default_Ignorable_Code_Point}\p{M}\p{Cf}\p{Cc}]$/u;

const MOST_REMEMBERED = 20_000;

let doubles: Map<string, string> | null = null;
const remembered = new Map<number, string | null>();

function doublesByCharacter(): Map<string, string> {
  if (doubles !== null) return doubles;
  const built = new Map<string, string>();
  for (const row of DOUBLES) {
    for (const double of row.slice(1)) built.set(double, row.charAt(0));
  }
  return doubles = built;
}

/** Letters in boxes and flags, and small Cherokee, which stand in the order of others. */
function byOrder(code: number): number {
  if (code >= 0x1f1e6 && code <= 0x1f1ff) return code - 0x1f1e6 + 0x41;
  if (code >= 0x1f150 && code <= 0x1f169) return code - 0x1f150 + 0x41;
  if (code >= 0x1f170 && code <= 0x1f189) return code - 0x1f170 + 0x41;
  if (code >= 0xab70 && code <= 0xabbf) return code - 0xab70 + 0x13a0;
  return code;
}

function computed(code: number): string | null {
  // Hangul syllables come apart into letters, at no gain.
  if (code >= 0xac00 && code <= 0xd7a3) return null;
  const original = String.fromCodePoint(code);
  const known = doublesByCharacter();
  let folded = "";
  for (const char of String.fromCodePoint(byOrder(code)).normalize("NFKD")) {
    const double = known.get(char);
    if (double !== undefined) folded += double;
    else if (char === "\v" || char === "\f") folded += " ";
    else if (/^[\t\n\r]$/.test(char) || !UNSEEN.test(char)) folded += char;
  }
  return folded === original ? null : folded;
}

function foldedCharacter(code: number): string | null {
  const known = remembered.get(code);
  if (known !== undefined) return known;
  const folded = computed(code);
  if (remembered.size < MOST_REMEMBERED) remembered.set(code, folded);
  return folded;
}

/** Anything that may fold: all but printable ASCII and its usual spaces. */
const FOLDABLE = /[^\t\n\r -~]/;

/** Whether folding may change a text at all. */
export function isFoldable(text: string): boolean {
  return FOLDABLE.test(text);
}

/** The view with look-alikes replaced and unseen characters left out. */
export function folded(view: View): View {
  const first = view.text.search(FOLDABLE);
  if (first < 0) return view;
  const edits: Edit[] = [];
  for (let i = first; i < view.text.length; i++) {
    const code = view.text.codePointAt(i) ?? 0;
    if ((code >= 0x20 && code < 0x7f) || code === 10 || code === 9 || code === 13) continue;
    const width = code > 0xffff ? 2 : 1;
    const text = foldedCharacter(code);
    if (text !== null) edits.push({ from: i, to: i + width, text });
    i += width - 1;
  }
  return edited(view, edits);
}
