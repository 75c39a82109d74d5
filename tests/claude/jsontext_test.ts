// Settings changed in one place: everything else keeps its very text, what is put in is laid out like
// what stands beside it, and taking it back gives the same bytes.

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { JsonText, type Path, undone, UnfitJson } from "../../src/claude/jsontext.ts";

const VALUE = { source: { source: "directory", path: "/x" } };

/** The text after a change; taken back it has to be what it was. */
function after(text: string | null, change: (json: JsonText) => void): string {
  const json = new JsonText(text);
  change(json);
  assertEquals(undone(json.text, json.undo), text ?? "");
  return json.text;
}

Deno.test("jsontext: a member is put behind the others, as they are laid out", () => {
  const put = (text: string | null, path: Path = ["b"], value: unknown = true): string =>
    after(text, (json) => json.put(path, value));
  assertEquals(put('{\n  "a": 1\n}\n'), '{\n  "a": 1,\n  "b": true\n}\n');
  assertEquals(put('{\r\n\t"a": 1.0\r\n}'), '{\r\n\t"a": 1.0,\r\n\t"b": true\r\n}');
  assertEquals(put('{"a":1}'), '{"a":1,"b":true}');
  assertEquals(put('{"a": 1, "c": 2}'), '{"a": 1, "c": 2, "b": true}');
  assertEquals(put('\uFEFF{ "a": 1 }'), '\uFEFF{ "a": 1, "b": true }');
  assertEquals(put("{}"), '{\n  "b": true\n}');
  assertEquals(put(null), '{\n  "b": true\n}\n');
  assertEquals(put(" \n"), '{\n  "b": true\n}\n');
  assertEquals(
    put('{\n    "b": {}\n}\n', ["b", "c"], [1]),
    '{\n    "b": {\n        "c": [\n            1\n        ]\n    }\n}\n',
  );
  assertEquals(
    put('{\n  "a": 12345678901234567890\n}\n', ["b", "c"], VALUE),
    '{\n  "a": 12345678901234567890,\n  "b": {\n    "c": {\n      "source": {\n' +
      '        "source": "directory",\n        "path": "/x"\n      }\n    }\n  }\n}\n',
  );
  assertEquals(put('{"b": false,\n "a": 1}'), '{"b": true,\n "a": 1}');
  assertEquals(put('{"b":1,"b":2}'), '{"b":1,"b":true}', "of two the last counts");
});

Deno.test("jsontext: an element is added on the line where the others are", () => {
  const add = (text: string): string => after(text, (json) => json.add(["a"], "x"));
  assertEquals(add('{\n  "a": ["p", "q"]\n}'), '{\n  "a": ["p", "q", "x"]\n}');
  assertEquals(add('{\n  "a": ["p"]\n}'), '{\n  "a": ["p", "x"]\n}');
  assertEquals(add('{\n  "a": [\n    "p"\n  ]\n}'), '{\n  "a": [\n    "p",\n    "x"\n  ]\n}');
  assertEquals(add('{\n  "a": []\n}'), '{\n  "a": [\n    "x"\n  ]\n}');
  assertEquals(add('{"a":[]}'), '{"a":["x"]}');
});

Deno.test("jsontext: what is taken out leaves the rest as it was", () => {
  const drop = (text: string, ...path: string[]): string => after(text, (json) => json.drop(path));
  assertEquals(drop('{\n  "a": 1,\n  "b": 2.0\n}\n', "a"), '{\n  "b": 2.0\n}\n');
  assertEquals(drop('{\n  "a": 1,\n  "b": 2\n}\n', "b"), '{\n  "a": 1\n}\n');
  assertEquals(drop('{\n  "a": {\n    "b": 2\n  }\n}\n', "a", "b"), '{\n  "a": {}\n}\n');
  assertEquals(drop('{"a": 1}', "a", "b"), '{"a": 1}');
  assertEquals(drop('{"a": 1}', "c"), '{"a": 1}');
  const from = (text: string): string => after(text, (json) => json.dropFrom(["a"], "x"));
  assertEquals(from('{"a": ["x", "y", "x", 1e2]}'), '{"a": ["y", 1e2]}');
  assertEquals(from('{"a": ["x"]}'), '{"a": []}');
});

Deno.test("jsontext: what is no JSON object is refused", () => {
  for (const text of ["[]", "null", "1", '{"a":1,}', '{"a":1} // why', "{", "\uFEFFx"]) {
    assertThrows(() => new JsonText(text), UnfitJson, undefined, text);
  }
  assertThrows(() => new JsonText('{"a": 1}').put(["a", "b"], 1), UnfitJson, "a is no JSON object");
  assertThrows(() => new JsonText('{"a": {}}').add(["a"], 1), UnfitJson, "a is no list");
});

Deno.test("jsontext: any JSON object in any layout says the same and comes back to the byte", () => {
  const indents = fc.constantFrom<string | number>(0, 1, 2, 4, "\t");
  const ends = fc.constantFrom("", "\n", "\r\n", "\n\n");
  fc.assert(fc.property(
    fc.dictionary(fc.string(), fc.jsonValue()),
    indents,
    ends,
    fc.boolean(),
    (object, indent, end, crlf) => {
      const text = JSON.stringify(object, null, indent) + end;
      const wanted = JSON.parse(JSON.stringify(object));
      after(crlf ? text.replaceAll("\n", "\r\n") : text, (json) => {
        json.put(["put in"], VALUE);
        json.put(["put", "deep"], true);
        json.add(["list"], "x");
        assertEquals(json.value(), {
          ...wanted,
          "put in": VALUE,
          put: { deep: true },
          list: ["x"],
        });
        json.drop(["put in"]);
        json.drop(["put"]);
        json.dropFrom(["list"], "x");
        assertEquals(json.value(), { ...wanted, list: [] });
      });
    },
  ));
});
