// What the benchmarks send: 200 characters as an agent writes them. The filter has more to do with 200
// times the same letter, which might be data in disguise.

export const CONTENT =
  "The parser of the new format is merged; the old one still reads files of version 1. Please rebase " +
  "before you touch src/config.ts again, and tell me when all the tests are green, or which of them fail.";
