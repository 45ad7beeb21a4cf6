import { describe, expect, it } from "vitest";
import { VirtualClock } from "../base/clock.ts";
import { add, observe } from "./cells.ts";
import { counter, gauge, histogram } from "./column.ts";
import { ForeignRows } from "./foreign-rows.ts";
import { Registry } from "./registry.ts";
import type { Row } from "./row.ts";
import { type JournalEntry, RowJournal } from "./row-journal.ts";
import { SWEEP_MS, startSweeping } from "./sweeping.ts";
import type { Table } from "./table.ts";
import { renderPrometheus } from "./text-format.ts";

const TOTAL = 0;
const ACTIVE = 1;
const HOSTS = 2;
const DURATION = 3;
const BOUNDS = [1, 10];

function tableOf(registry: Registry, idleSweepsMax = 0): Table {
  return registry.table({
    name: "requests",
    columns: [
      counter("requests_total", "Requests."),
      gauge("requests_active", "Requests in flight."),
      gauge("hosts", "Hosts.", "", "max"),
      histogram("duration_ms", "Time.", "", BOUNDS),
    ],
    labelNames: ["to"],
    rowsMax: 2,
    idleSweepsMax,
  });
}

/** Another thread, as far as metrics go: what it tells waits in a list until `tell`. */
class OtherThread {
  readonly entries: JournalEntry[] = [];
  readonly journal: RowJournal = new RowJournal((entry) => this.entries.push(entry));
  readonly registry: Registry = new Registry(this.journal);
  readonly table: Table;
  readonly rows: ForeignRows;
  /** What the main thread finds idle is asked for at once, or later. */
  readonly asked: (() => void)[] = [];

  constructor(main: Registry, idleSweepsMax = 0) {
    this.table = tableOf(this.registry, idleSweepsMax);
    this.journal.begin(this.registry.store);
    this.rows = new ForeignRows(main, (id, sum) => {
      this.asked.push(() => this.journal.forget(id, sum));
    });
  }

  row(to: string): Row {
    return this.table.row([to]);
  }

  tell(): void {
    this.journal.flush();
    for (const entry of this.entries.splice(0)) this.journal.release(this.rows.take(entry));
  }
}

function twoThreads(idleSweepsMax = 0): { main: Registry; table: Table; threads: OtherThread[] } {
  const main = new Registry();
  const table = tableOf(main, idleSweepsMax);
  const threads = [new OtherThread(main, idleSweepsMax), new OtherThread(main, idleSweepsMax)];
  return { main, table, threads };
}

function samples(registry: Registry): string[] {
  const text = [...renderPrometheus(registry)].join("");
  return text.split("\n").filter((line) => /^(requests|hosts|duration)/.test(line));
}

function value(table: Table, to: string, cell: number): number | undefined {
  const row = table.snapshot().find(({ values }) => values[0] === to);
  return row === undefined ? undefined : table.value(row, cell);
}

describe("what several threads count in one series", () => {
  it("adds up, or is the largest of what each of them says", () => {
    const { main, threads } = twoThreads();
    threads.forEach((thread, i) => {
      const { cells } = thread.row("a");
      add(cells, TOTAL, i + 1);
      add(cells, ACTIVE, 1);
      cells[HOSTS] = 5;
      observe(cells, DURATION, BOUNDS, i === 0 ? 0.5 : 99);
      thread.tell();
    });
    expect(samples(main)).toEqual([
      'requests_total{to="a"} 3',
      'requests_active{to="a"} 2',
      'hosts{to="a"} 5',
      'duration_ms_bucket{to="a",le="1"} 1',
      'duration_ms_bucket{to="a",le="10"} 1',
      'duration_ms_bucket{to="a",le="+Inf"} 2',
      'duration_ms_sum{to="a"} 99.5',
      'duration_ms_count{to="a"} 2',
    ]);
  });

  it("is read where it is counted: nothing is told of an increment", () => {
    const { table, threads } = twoThreads();
    const [one] = threads as [OtherThread];
    const { cells } = one.row("a");
    one.tell();
    add(cells, TOTAL, 7);
    one.journal.flush();
    expect(one.entries).toEqual([]);
    expect(value(table, "a", TOTAL)).toBe(7);
  });

  it("is told at the end of the turn, in batches", async () => {
    const { threads } = twoThreads();
    const [one] = threads as [OtherThread];
    one.tell();
    one.row("a");
    one.row("b");
    expect(one.entries).toEqual([]);
    await Promise.resolve();
    expect(one.entries.map(({ added }) => added.map(({ values }) => values))).toEqual([
      [["a"], ["b"]],
    ]);
  });

  it("is folded into the overflow row where all threads together have too many", () => {
    const { main, threads } = twoThreads();
    const [one, other] = threads as [OtherThread, OtherThread];
    for (const to of ["a", "b"]) add(one.row(to).cells, TOTAL, 1);
    for (const to of ["c", "d", "e"]) add(other.row(to).cells, TOTAL, 1);
    for (const thread of threads) thread.tell();
    expect(samples(main).filter((line) => line.startsWith("requests_total"))).toEqual([
      'requests_total{to="a"} 1',
      'requests_total{to="b"} 1',
      'requests_total{to="overflow"} 3',
    ]);
    const text = [...renderPrometheus(main)].join("");
    expect(text).toContain('outrigger_metrics_overflow_total{table="requests"} 1\n');
    expect(text).toContain('outrigger_metrics_rows{table="requests"} 2\n');
  });
});

describe("a row that one thread removes", () => {
  it("keeps its counts while another has it, and then goes", () => {
    const { table, threads } = twoThreads();
    const [one, other] = threads as [OtherThread, OtherThread];
    const rows = threads.map((thread) => thread.row("a"));
    for (const { cells } of rows) {
      add(cells, TOTAL, 4);
      add(cells, ACTIVE, 1);
    }
    for (const thread of threads) thread.tell();
    one.table.remove(rows[0] as Row);
    one.tell();
    expect([value(table, "a", TOTAL), value(table, "a", ACTIVE)]).toEqual([8, 1]);
    other.table.remove(rows[1] as Row);
    other.tell();
    expect(table.snapshot()).toEqual([]);
  });

  it("stays where this thread itself asked for it", () => {
    const { table, threads } = twoThreads();
    const [one] = threads as [OtherThread];
    add(table.row(["a"]).cells, TOTAL, 1);
    const row = one.row("a");
    add(row.cells, TOTAL, 1);
    one.tell();
    one.table.remove(row);
    one.tell();
    expect(value(table, "a", TOTAL)).toBe(2);
  });
});

describe("a thread that is no more", () => {
  it("leaves its counters and histograms, and takes its gauges along", () => {
    const { table, threads } = twoThreads();
    const [one, other] = threads as [OtherThread, OtherThread];
    for (const thread of threads) {
      const { cells } = thread.row("a");
      add(cells, TOTAL, 3);
      add(cells, ACTIVE, 2);
      cells[HOSTS] = thread === one ? 9 : 5;
      observe(cells, DURATION, BOUNDS, 5);
      thread.tell();
    }
    one.rows.end();
    expect(value(table, "a", TOTAL)).toBe(6);
    expect(value(table, "a", ACTIVE)).toBe(2);
    expect(value(table, "a", HOSTS)).toBe(5);
    expect(value(table, "a", DURATION + 1)).toBe(2);
    add(other.row("a").cells, TOTAL, 1);
    expect(value(table, "a", TOTAL)).toBe(7);
  });

  it("leaves rows that its successor goes on with, or that go with what they speak of", () => {
    const { main, table, threads } = twoThreads();
    const [one] = threads as [OtherThread];
    for (const to of ["a", "b"]) add(one.row(to).cells, TOTAL, 1);
    one.tell();
    one.rows.end();
    const successor = new OtherThread(main);
    add(successor.row("a").cells, TOTAL, 1);
    successor.tell();
    expect([value(table, "a", TOTAL), value(table, "b", TOTAL)]).toEqual([2, 1]);
    for (const to of ["a", "b"]) table.removeAbandoned("to", to);
    expect([value(table, "a", TOTAL), value(table, "b", TOTAL)]).toEqual([2, undefined]);
  });
});

describe("sweeping", () => {
  function sweptThrice(main: Registry, between: () => void): void {
    const clock = new VirtualClock();
    const stop = startSweeping(main, clock);
    for (let sweep = 0; sweep < 3; sweep++) {
      between();
      clock.advance(SWEEP_MS);
    }
    stop();
  }

  it("forgets what no thread has counted in for long", () => {
    const { main, table, threads } = twoThreads(2);
    for (const thread of threads) {
      thread.row("a");
      thread.tell();
    }
    sweptThrice(main, () => undefined);
    for (const thread of threads) for (const ask of thread.asked) ask();
    for (const thread of threads) thread.tell();
    expect(table.snapshot()).toEqual([]);
    expect(threads.map((thread) => thread.table.size)).toEqual([0, 0]);
  });

  it("keeps what any of them counts in", () => {
    const { main, table, threads } = twoThreads(2);
    const [one, other] = threads as [OtherThread, OtherThread];
    const { cells } = one.row("a");
    other.row("a");
    for (const thread of threads) thread.tell();
    sweptThrice(main, () => add(cells, TOTAL, 1));
    expect(threads.flatMap(({ asked }) => asked)).toEqual([]);
    expect(value(table, "a", TOTAL)).toBe(3);
  });

  it("loses nothing that is counted after it has asked", () => {
    const { main, table, threads } = twoThreads(2);
    const [one] = threads as [OtherThread];
    const { cells } = one.row("a");
    one.tell();
    sweptThrice(main, () => undefined);
    add(cells, TOTAL, 1);
    for (const ask of one.asked) ask();
    one.tell();
    expect(value(table, "a", TOTAL)).toBe(1);
  });
});
