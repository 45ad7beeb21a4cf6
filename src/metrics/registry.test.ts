import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ANY_TEXT } from "../../test/support/arbitrary-text.ts";
import { parseExposition } from "../../test/support/exposition.ts";
import { describeWith, tool } from "../../test/support/tools.ts";
import { VirtualClock } from "../base/clock.ts";
import { CellStore, CHUNK_CELLS } from "./cell-store.ts";
import { add, observe } from "./cells.ts";
import { counter, gauge, histogram } from "./column.ts";
import { LABEL_VALUE_CHARS_MAX } from "./label.ts";
import { quantileOf } from "./quantile.ts";
import { Registry } from "./registry.ts";
import { SWEEP_MS, startSweeping } from "./sweeping.ts";
import type { Table } from "./table.ts";
import { renderPrometheus } from "./text-format.ts";

function requestsTable(registry: Registry, rowsMax = 100, idleSweepsMax = 0): Table {
  return registry.table({
    name: "requests",
    columns: [
      counter("requests_total", "Requests."),
      gauge("requests_active", "Requests in \\ flight,\nnow."),
      histogram("request_duration_seconds", "Time.", "", [0.5, 1, 5]),
    ],
    labelNames: ["from", "to"],
    rowsMax,
    idleSweepsMax,
  });
}

function render(registry: Registry): string {
  return [...renderPrometheus(registry)].join("");
}

describe("the text format", () => {
  it("has help, type and samples of each family together", () => {
    const registry = new Registry();
    const { cells } = requestsTable(registry).row(["a", "b"]);
    add(cells, 0, 2);
    observe(cells, 2, [0.5, 1, 5], 0.7);
    observe(cells, 2, [0.5, 1, 5], 9);
    expect(render(registry)).toContain(
      [
        "# HELP requests_total Requests.",
        "# TYPE requests_total counter",
        'requests_total{from="a",to="b"} 2',
        "# HELP requests_active Requests in \\\\ flight,\\nnow.",
        "# TYPE requests_active gauge",
        'requests_active{from="a",to="b"} 0',
        "# HELP request_duration_seconds Time.",
        "# TYPE request_duration_seconds histogram",
        'request_duration_seconds_bucket{from="a",to="b",le="0.5"} 0',
        'request_duration_seconds_bucket{from="a",to="b",le="1"} 1',
        'request_duration_seconds_bucket{from="a",to="b",le="5"} 1',
        'request_duration_seconds_bucket{from="a",to="b",le="+Inf"} 2',
        'request_duration_seconds_sum{from="a",to="b"} 9.7',
        'request_duration_seconds_count{from="a",to="b"} 2',
        "",
      ].join("\n"),
    );
  });

  it("keeps hostile label values inside their quotes", () => {
    fc.assert(
      fc.property(ANY_TEXT, (value) => {
        const registry = new Registry();
        requestsTable(registry).row([value, "b"]);
        const samples = parseExposition(render(registry)).get("requests_total");
        expect(samples?.labelSets).toEqual(new Set(["from,to"]));
        expect(samples?.samples.size).toBe(1);
      }),
    );
  });

  it("cuts a label value that is too long for any name", () => {
    const registry = new Registry();
    requestsTable(registry).row(["x".repeat(100_000), "b"]);
    const longest = Math.max(...(render(registry).match(/x+/g) ?? []).map((run) => run.length));
    expect(longest).toBe(LABEL_VALUE_CHARS_MAX - 1);
  });

  it("comes in slices of a few hundred rows", () => {
    const registry = new Registry();
    const table = requestsTable(registry, 10_000);
    for (let i = 0; i < 5000; i++) table.row([String(i), "b"]);
    const slices = [...renderPrometheus(registry)];
    expect(slices.length).toBeGreaterThanOrEqual(3 * (5000 / 200));
    expect(Math.max(...slices.map((slice) => slice.length))).toBeLessThan(128 * 1024);
  });

  it("shows no row that went while it was being written", () => {
    const registry = new Registry();
    const table = requestsTable(registry, 1000);
    const rows = Array.from({ length: 500 }, (_, i) => table.row([`row ${i}`, "b"]));
    const slices = renderPrometheus(registry);
    const first = String(slices.next().value);
    for (const row of rows) table.remove(row);
    expect(first).toContain("row 0");
    expect([...slices].join("")).not.toContain("row ");
  });

  it("shows only what was used, or accepted by name, when asked", () => {
    const registry = new Registry();
    const table = requestsTable(registry);
    add(table.row(["a", "b"]).cells, 0, 1);
    table.row(["c", "d"]);
    const used = [...renderPrometheus(registry, { usedOnly: true })].join("");
    expect(used.match(/^\w+\{from.*/gm)).toEqual(['requests_total{from="a",to="b"} 1']);
    const accept = (name: string): boolean => name === 'requests_active{from="c",to="d"}';
    const accepted = [...renderPrometheus(registry, { accept })].join("");
    expect(accepted.match(/^\w+\{.*/gm)).toEqual(['requests_active{from="c",to="d"} 0']);
  });
});

describeWith(["promtool"], "promtool", () => {
  it("has nothing to say about hostile labels, empty and full histograms", () => {
    const registry = new Registry();
    const table = requestsTable(registry);
    table.row(['"}\r\n# EOF\n', "\\"]);
    observe(table.row(["\ud800", "\0"]).cells, 2, [0.5, 1, 5], 3);
    const checked = spawnSync(tool("promtool"), ["check", "metrics"], { input: render(registry) });
    expect(`${checked.stdout}${checked.stderr}`).toBe("");
    expect(checked.status).toBe(0);
  });
});

describe("a table", () => {
  it("gives the same row for the same labels", () => {
    const table = requestsTable(new Registry());
    expect(table.row(["a", "b"])).toBe(table.row(["a", "b"]));
    expect(table.row(["a", "b"])).not.toBe(table.row(["b", "a"]));
  });

  it("folds what is past its limit into one row, and counts that", () => {
    const registry = new Registry();
    const table = requestsTable(registry, 2);
    for (const from of ["a", "b", "c", "d"]) add(table.row([from, "x"]).cells, 0, 1);
    const text = render(registry);
    expect(text).toContain('requests_total{from="overflow",to="overflow"} 2\n');
    expect(text).not.toContain('from="c"');
    expect(render(registry)).toContain('outrigger_metrics_overflow_total{table="requests"} 2\n');
    expect(text).toContain('outrigger_metrics_rows{table="requests"} 2\n');
  });

  it("forgets rows that were idle for long, and takes them up anew", () => {
    const registry = new Registry();
    const table = requestsTable(registry, 100, 3);
    const clock = new VirtualClock();
    const stop = startSweeping(registry, clock);
    const idle = table.row(["idle", "b"]);
    const busy = table.row(["busy", "b"]);
    for (let sweep = 0; sweep < 3; sweep++) {
      add(busy.cells, 0, 1);
      clock.advance(SWEEP_MS);
    }
    expect([idle.live, busy.live]).toEqual([false, true]);
    expect(table.row(["idle", "b"])).not.toBe(idle);
    stop();
    clock.advance(100 * SWEEP_MS);
    expect(busy.live).toBe(true);
  });

  it("resets counters and histograms, not gauges", () => {
    const registry = new Registry();
    const { cells } = requestsTable(registry).row(["a", "b"]);
    cells.fill(5);
    registry.resetCounters();
    expect([...cells]).toEqual([0, 5, 0, 0, 0, 0, 0]);
  });

  it("is refused with a name that is taken or that Prometheus could not read", () => {
    const registry = new Registry();
    requestsTable(registry);
    expect(() => requestsTable(registry)).toThrow("metric requests_total exists");
    const columns = [counter("no good", "")];
    const options = { name: "x", columns, labelNames: [], rowsMax: 1 };
    expect(() => registry.table(options)).toThrow('metric name "no good"');
  });
});

describe("the store of cells", () => {
  it("never moves a block, and reuses one only when nobody can reach it", () => {
    const store = new CellStore();
    const first = store.allocate(100);
    first[0] = 7;
    for (let i = 0; i < 200; i++) store.allocate(100);
    expect(store.chunks.length).toBeGreaterThan(1);
    expect(first[0]).toBe(7);
    store.release(first);
    const next = store.allocate(100);
    next[0] = 9;
    expect(first[0]).toBe(7);
    store.recycle({ chunk: 0, start: 0, length: 100 });
    expect([...store.allocate(100).subarray(0, 2)]).toEqual([0, 0]);
    expect(() => store.allocate(CHUNK_CELLS + 1)).toThrow(RangeError);
  });
});

describe("a quantile", () => {
  it.each([
    { percent: 50, counts: [0, 0, 0, 0], expected: Number.NaN },
    { percent: 50, counts: [10, 0, 0, 0], expected: 0.25 },
    { percent: 100, counts: [10, 0, 0, 0], expected: 0.5 },
    { percent: 75, counts: [5, 10, 5, 0], expected: 1 },
    { percent: 0, counts: [0, 10, 0, 0], expected: 0.5 },
    { percent: 99, counts: [0, 0, 0, 4], expected: 5 },
  ])("$percent of $counts is $expected", ({ percent, counts, expected }) => {
    expect(quantileOf(percent, [0.5, 1, 5], counts)).toBe(expected);
  });
});
