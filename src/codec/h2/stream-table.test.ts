import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { End } from "../../../test/support/h2-pair.ts";
import type { Stream } from "./stream.ts";
import { StreamTable } from "./stream-table.ts";

/** Streams to be put under any id. */
function newStream(id: number): Stream {
  const stream = new End("client").ask().stream;
  if (stream === undefined) throw new Error("no stream");
  stream.id = id;
  return stream;
}

describe("the table of streams", () => {
  const ids = fc.uniqueArray(
    fc.nat(200).map((half) => half * 2 + 1),
    { minLength: 1, maxLength: 60 },
  );

  it("finds exactly the streams that were added and not removed", () => {
    fc.assert(
      fc.property(ids, fc.infiniteStream(fc.boolean()), (all, removes) => {
        const table = new StreamTable();
        const open = new Map<number, Stream>();
        for (const id of all) {
          const stream = newStream(id);
          table.add(stream);
          open.set(id, stream);
          for (const other of [...open.keys()]) {
            if (removes.next().value !== true || open.size < 4) continue;
            table.remove(other);
            open.delete(other);
          }
        }
        for (const id of all) expect(table.get(id)).toBe(open.get(id));
        expect(table.count).toBe(open.size);
        const highest = Math.max(...open.keys());
        expect(table.above(highest - 2)?.id).toBe(highest);
        expect(table.above(highest)).toBeUndefined();
      }),
      { numRuns: 50 },
    );
  });

  it("removes what is not there without harm", () => {
    const table = new StreamTable();
    table.add(newStream(1));
    table.remove(33);
    expect([table.count, table.get(1)?.id]).toEqual([1, 1]);
  });
});
