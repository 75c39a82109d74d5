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
