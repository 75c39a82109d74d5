// The machinery itself: who leads, who led before, which nodes there are, how fast it answers.

import type { VNode } from "preact";
import { about, useRead } from "../data/reads.ts";
import type { FlockState } from "../data/types.ts";
import { Meter, Spark } from "../ui/chart.tsx";
import { Glyph } from "../ui/glyph.tsx";
import { Given, Panel, PeerLink, View } from "../ui/parts.tsx";
import { Ago } from "../ui/time.tsx";

/** Figures change without a row of the journal. */
const LOOK_MS = 5_000;

export function FlockView(): VNode {
  const answer = useRead<FlockState>("flock_state", {}, about("home"), LOOK_MS);
  return (
    <View title="Flock" sub="Whoever leads serves this page; any other can take over">
      <Given answer={answer}>
        {(flock) => (
          <>
            <Trends flock={flock} />
            <div class="columns-even">
              <Leadership flock={flock} />
              <Nodes flock={flock} />
            </div>
            <Operations flock={flock} />
            <Store flock={flock} />
          </>
        )}
      </Given>
    </View>
  );
}

const SERIES = [
  ["acts", "Acts"],
  ["messages", "Messages"],
  ["completed", "Tasks done"],
] as const;

function Trends({ flock }: { flock: FlockState }): VNode {
  return (
    <div class="tiles">
      {SERIES.map(([key, label]) => {
        const values = flock.series[key];
        const total = values.reduce((sum, value) => sum + value, 0);
        return (
          <section key={key} class="tile" aria-label={label}>
            <p class="tile-label">{label}</p>
            <p class="tile-number">
              {total.toLocaleString()}
              <span class="dim">in {values.length} min</span>
            </p>
            <Spark values={values} label={label} height={40} />
          </section>
        );
      })}
    </div>
  );
}

function Leadership({ flock }: { flock: FlockState }): VNode {
  const { leader, takeovers } = flock;
  return (
    <Panel title="Leadership">
      {leader === null ? <p>Nobody leads.</p> : (
        <dl class="facts wide">
          <div>
            <dt>Leader</dt>
            <dd>
              <PeerLink name={leader.name} />
            </dd>
          </div>
          <div>
            <dt>Epoch</dt>
            <dd>{leader.epoch}</dd>
          </div>
          <div>
            <dt>Since</dt>
            <dd>
              <Ago at={leader.since} />
            </dd>
          </div>
          <div>
            <dt>Page</dt>
            <dd class="path">{leader.url}</dd>
          </div>
        </dl>
      )}
      <h3>Take-overs</h3>
      <ol class="feed">
        {[...takeovers].sort((a, b) => b.epoch - a.epoch).slice(0, 12).map((one) => (
          <li key={one.epoch}>
            <span class="act">
              <span class="who">{one.name}</span> <span class="verb">leads, epoch {one.epoch}</span>
            </span>
            <Ago at={one.at} bare />
          </li>
        ))}
      </ol>
    </Panel>
  );
}

const NODES_SHOWN = 60;

function Nodes({ flock }: { flock: FlockState }): VNode {
  return (
    <Panel title="Nodes" aside={<span class="dim">{flock.nodes.length}</span>}>
      <ul class="nodes">
        {flock.nodes.slice(0, NODES_SHOWN).map((node) => (
          <li key={node.name}>
            <Glyph
              of={node.stalled ? "stalled" : "live"}
              label={node.stalled ? "stalled" : "live"}
            />
            <PeerLink name={node.name} />
            <span class="dim path" title={node.project}>{last(node.project)}</span>
            <span class="dim">{String(node.version)}</span>
            <Ago at={node.since} bare />
          </li>
        ))}
      </ul>
      {flock.nodes.length > NODES_SHOWN && (
        <p class="dim">and {flock.nodes.length - NODES_SHOWN} more</p>
      )}
    </Panel>
  );
}

function last(path: string): string {
  return path.split("/").filter((part) => part !== "" && part !== ".git").at(-1) ?? path;
}

function Operations({ flock }: { flock: FlockState }): VNode {
  const most = Math.max(0.1, ...flock.operations.map(({ p95_ms }) => p95_ms));
  const ms = (value: number): string => value < 10 ? value.toFixed(2) : value.toFixed(0);
  const rows = [...flock.operations].sort((a, b) => b.count - a.count).slice(0, 30);
  return (
    <Panel
      title="Operations"
      aside={<span class="dim">in the process that answers this page, since it began</span>}
      flush
    >
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Latencies of operations">
        <table>
          <thead>
            <tr>
              <th scope="col">Operation</th>
              <th scope="col" class="num">Calls</th>
              <th scope="col" class="num">p50 ms</th>
              <th scope="col" class="num">p95 ms</th>
              <th scope="col" class="num">p99 ms</th>
              <th scope="col">p95</th>
              <th scope="col" class="num">Refused</th>
            </tr>
          </thead>
          <tbody>
            {rows.map((one) => (
              <tr key={one.op}>
                <th scope="row">
                  <code>{one.op}</code>
                </th>
                <td class="num">{one.count.toLocaleString()}</td>
                <td class="num">{ms(one.p50_ms)}</td>
                <td class="num">{ms(one.p95_ms)}</td>
                <td class="num">{ms(one.p99_ms)}</td>
                <td class="wide">
                  <Meter value={one.p95_ms} most={most} label={`${ms(one.p95_ms)} ms`} />
                </td>
                <td class={one.errors > 0 ? "num warn" : "num dim"}>{one.errors}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && <p class="dim pad">Nothing was asked yet.</p>}
    </Panel>
  );
}

function Store({ flock }: { flock: FlockState }): VNode {
  const { store } = flock;
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;
  return (
    <Panel title="Store">
      <dl class="facts">
        <div>
          <dt>Database</dt>
          <dd>{mb(store.bytes)}</dd>
        </div>
        <div>
          <dt>Write-ahead log</dt>
          <dd>{mb(store.wal_bytes)}</dd>
        </div>
        <div>
          <dt>Journal</dt>
          <dd>{store.journal_seq.toLocaleString()} rows</dd>
        </div>
        <div>
          <dt>Schema</dt>
          <dd>{store.schema}</dd>
        </div>
      </dl>
    </Panel>
  );
}
