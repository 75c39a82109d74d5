// skein installed for one project: what is in the project's own settings names the plugin, and each
// user's say where it is. Run with: deno task test:clients

import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { freshUser, runPrint } from "./claude.ts";
import { installEnv, setUp, TOOLS } from "./installed.ts";
import { messagesApi } from "./messages_api.ts";
import { withPlace } from "./program.ts";
import { call, noClaude } from "./stage.ts";

for (const scope of ["project", "local"]) {
  Deno.test({
    name: `scope ${scope}: a session in the project has skein, and one elsewhere has not`,
    ignore: noClaude,
    fn: () =>
      withPlace(async (place) => {
        const user = freshUser(place);
        const { code, stderr } = await setUp(place, user, "install", "--scope", scope);
        assertEquals(code, 0, stderr);
        await using api = messagesApi();
        api.script([
          { match: /begin/, blocks: [call("join", { name: "weaver" })] },
          { match: /"name":"weaver"/, blocks: [{ text: "joined" }] },
          { match: /elsewhere/, blocks: [{ text: "alone" }] },
        ]);
        const options = {
          place,
          api,
          user,
          env: installEnv(place, user),
          servers: null,
          allowedTools: [`${TOOLS}*`],
        };
        const inside = await runPrint("begin", options);
        assertEquals(inside.result?.result, "joined", api.transcript());
        const project = join(place.project, "..", "another");
        Deno.mkdirSync(project);
        const outside = await runPrint("elsewhere", { ...options, project });
        assert(!JSON.stringify(outside.init.mcp_servers).includes("skein"), outside.stdout);
      }),
  });
}
