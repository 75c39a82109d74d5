// Cutting text for people and models without leaving half a character behind.

/** The first characters of a text, at most `characters`; never half a surrogate pair. */
export function head(text: string, characters: number): string {
  if (text.length <= characters) return text;
  const cut = text.slice(0, characters);
  return cut.isWellFormed() || !text.isWellFormed() ? cut : cut.slice(0, -1);
}

/** The same, with dots where something was left out. */
export function excerpt(text: string, characters: number): string {
  return text.length <= characters ? text : `${head(text, characters)}...`;
}

/** `1 file`, `2 files`, `no files`; `many` where the plural is not the word with an s. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? "no" : count} ${count === 1 ? one : many}`;
}

/** What a terminal takes for an order: colours, titles. */
const SEQUENCE =
  // deno-lint-ignore no-control-regex
  /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|.)/g;
// deno-lint-ignore no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** A text without colours and whatever else is for terminals; line breaks and tabs stay. */
export function plain(text: string): string {
  return text.replaceAll(SEQUENCE, "").replaceAll("\r\n", "\n").replaceAll(CONTROL, "");
}

/** The name of a file on one line: what cannot be seen in it is written as in JSON. */
export function fileName(path: string): string {
  return JSON.stringify(path).slice(1, -1).replaceAll("\u007f", "\\u007f").replaceAll('\\"', '"')
    .replaceAll("\\\\", "\\");
}
