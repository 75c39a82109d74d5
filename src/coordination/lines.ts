// In which line of a JSON file something stands, so that a person finds what is wrong.

/** The line of a syntax error, from what the parser says of it. */
export function lineOfPosition(text: string, message: string): number {
  const line = /line (\d+)/.exec(message)?.[1];
  if (line !== undefined) return Number(line);
  const position = /position (\d+)/.exec(message)?.[1];
  // Without a place the parser came to the end.
  return text.slice(0, position === undefined ? text.length : Number(position)).split("\n").length;
}

/**
 * The line of an item of the list `tasks` (or of the list that the file is), or of a field of it.
 * The text is known to be JSON.
 */
export function lineOfItem(text: string, index: number, field?: string): number {
  const range = rangeOfItem(text, index);
  if (range === null) return 1;
  const item = text.slice(range.from, range.to);
  const at = field === undefined ? -1 : item.search(new RegExp(`"${field}"\\s*:`));
  return text.slice(0, range.from + Math.max(0, at)).split("\n").length;
}

/** Where an item begins and ends. */
function rangeOfItem(text: string, index: number): { from: number; to: number } | null {
  const list = text.trimStart().startsWith("[") ? text.indexOf("[") : startOfTasks(text);
  if (list < 0) return null;
  let from = skipSpace(text, list + 1);
  for (let item = 0;; item++) {
    const to = endOfValue(text, from);
    if (item === index) return { from, to };
    from = skipSpace(text, skipSpace(text, to) + 1);
    if (from >= text.length) return null;
  }
}

/** The bracket of the list "tasks" of the outermost object. */
function startOfTasks(text: string): number {
  let at = skipSpace(text, text.indexOf("{") + 1);
  while (at < text.length && text[at] === '"') {
    const keyEnd = endOfValue(text, at);
    const value = skipSpace(text, skipSpace(text, keyEnd) + 1);
    if (text.slice(at, keyEnd) === '"tasks"') return value;
    at = skipSpace(text, skipSpace(text, endOfValue(text, value)) + 1);
  }
  return -1;
}

function skipSpace(text: string, from: number): number {
  let at = from;
  while (at < text.length && /\s/.test(text[at] ?? "")) at++;
  return at;
}

/** Behind a value: a text, a list or object with everything inside, or a bare word. */
function endOfValue(text: string, from: number): number {
  let depth = 0;
  for (let at = from; at < text.length; at++) {
    const c = text[at];
    if (c === '"') {
      for (at++; at < text.length && text[at] !== '"'; at++) if (text[at] === "\\") at++;
    } else if (c === "{" || c === "[") depth++;
    else if (c === "}" || c === "]") {
      if (depth === 0) return at;
      depth--;
    } else if (depth === 0 && (c === "," || /\s/.test(c ?? ""))) return at;
    else continue;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
