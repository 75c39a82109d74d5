// Which port: the preferred one, else the next free one, back as soon as it can; any one for 0; and a
// clear word where there is none.

import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Foreign } from "../../dashboard/data/proof.ts";
import { type Flock, withFlock } from "../cluster/flock.ts";
import { eventually } from "../support/eventually.ts";
import { startPeer } from "../support/peer.ts";
import { freePorts, isFree } from "./ports.ts";
import { request, signIn, urlOf } from "./site.ts";

function local(port: number): string {
  return `http://127.0.0.1:${port}`;
}

function join(flock: Flock, port: number) {
  return flock.join({ name: "anna", env: { SKEIN_PORT: String(port) } });
}

Deno.test("port: one that is taken is passed over, and taken back when it is free", async () => {
  const [port = 0, next = 0] = freePorts(3);
  const other = Deno.serve(
    { hostname: "127.0.0.1", port, onListen: () => {} },
    () => new Response("somebody else's"),
  );
  const another = Deno.listen({ hostname: "127.0.0.1", port: next });
  await withFlock(async (flock) => {
    const anna = await join(flock, port);
    assertEquals(await urlOf(flock), local(next + 1));
    const session = await signIn(flock);
    assertEquals(session.url, local(next + 1));
    await other.shutdown();
    await eventually(async () => await urlOf(flock) === local(port), { what: "moved" });
    assertEquals((await session.at(local(port)).ok("status")).leader.url, local(port));
    assertEquals((await anna.ok("status")).leader.url, local(port));
    assertEquals((await anna.ok("list_peers")).dashboard, local(port));
    assertEquals((await anna.ok("join")).leader.url, local(port));
    // Nothing moves once it is where it wants to be.
    await eventually(() => isFree(next + 1), {
      withinMs: 15_000,
      what: "the old port is given up",
    });
    assertEquals(await urlOf(flock), local(port));
  });
  another.close();
});

Deno.test("port: two homes on one machine get one each", async () => {
  const [port = 0] = freePorts(2);
  await withFlock(async (one) => {
    await withFlock(async (two) => {
      await join(one, port);
      await urlOf(one);
      await join(two, port);
      const urls = [await urlOf(one), await urlOf(two)];
      assertEquals(urls, [local(port), local(port + 1)]);
      const [first, second] = [await signIn(one), await signIn(two)];
      // A session of one is nothing to the other, and the other none to it.
      await assertRejects(() => first.at(second.url).ok("status"), Foreign);
      await (await first.bearer()).at(second.url).refused(401, "TOKEN_INVALID", "status");
      await second.ok("status");
    });
  });
});

Deno.test("port: 0 is any", async () => {
  await withFlock(async (flock) => {
    await join(flock, 0);
    const url = await urlOf(flock);
    assertMatch(url, /^http:\/\/127\.0\.0\.1:\d{4,5}$/);
    assertEquals((await request(`${url}/healthz`)).text, '{"ok":true}');
  });
});

Deno.test("port: one that makes no sense is refused at the start, by name", async () => {
  await withFlock(async (flock) => {
    for (const bad of ["x", "-1", "70000", "80.5"]) {
      const options = { home: flock.home, folder: flock.folder, env: { SKEIN_PORT: bad } };
      let said = "";
      try {
        await (await startPeer(options)).kill();
      } catch (thrown) {
        said = String(thrown);
      }
      assertMatch(said, /SKEIN_PORT/, bad);
      assertMatch(said, /integer from 0 to 65535/, bad);
    }
  });
});

Deno.test("port: where none is free, the flock goes on without a page and says so", async () => {
  await withFlock(async (flock) => {
    const last = 65_535;
    const held = isFree(last) ? Deno.listen({ hostname: "127.0.0.1", port: last }) : null;
    const anna = await join(flock, last);
    await eventually(() => /cannot be served/.test(anna.stderr()), { what: "it says so" });
    assertMatch(anna.stderr(), /SKEIN_PORT/);
    assertEquals((await anna.ok("status")).leader.url, null);
    held?.close();
    if (held !== null) {
      await eventually(async () => await urlOf(flock) === local(last), {
        what: "served after all",
      });
      assert((await request(`${local(last)}/healthz`)).status === 200);
    }
  });
});

Deno.test("port: nothing but 127.0.0.1 is listened on", async () => {
  await withFlock(async (flock) => {
    await join(flock, 0);
    const { port } = new URL(await urlOf(flock));
    const addresses = Deno.networkInterfaces().map(({ address }) => address)
      .filter((address) => address !== "127.0.0.1" && !/^fe80/.test(address));
    for (const hostname of ["::1", ...addresses]) {
      const reached = await Deno.connect({ hostname, port: Number(port) }).then((one) => {
        one.close();
        return true;
      }, () => false);
      assertEquals(reached, false, hostname);
    }
  });
});
